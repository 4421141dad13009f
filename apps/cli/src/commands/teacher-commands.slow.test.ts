import { verifyDirectory } from "@slm/core";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { expectedLogits, FAMILIES, writeExternalModel } from "../testing/external-model.js";
import { runCommand } from "../testing/run-command.js";
import { tinyRecipe, writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";

const root = temporaryFolder();
beforeAll(async () => {
  for (const family of FAMILIES) await writeExternalModel(join(root, family), family);
});

describe.each(FAMILIES)("teacher import of %s", (family) => {
  test("writes a checkpoint that agrees with its original library", async () => {
    const output = join(root, `${family}-imported`);
    const imported = await runCommand("teacher:import", [join(root, family), "-o", output, "--json"]);
    expect(imported).toMatchObject({ exitCode: 0, json: { result: { vocab: 80, artifact: output } } });
    expect((await verifyDirectory(output)).problems).toEqual([]);
    const reference = ["--reference", expectedLogits(family)];
    const { exitCode, json } = await runCommand("teacher:check", [output, ...reference, "--json"]);
    expect([exitCode, json]).toMatchObject([
      0,
      { result: { pass: true, positions: 48, rows: 2, agreement: 1 } },
    ]);
    const { meanKl, maxAbs } = (json as { result: Record<"meanKl" | "maxAbs", number> }).result;
    // Float32 rounding differences of another summation order.
    expect(meanKl).toBeLessThan(1e-6);
    expect(maxAbs).toBeLessThan(1e-3);
  });

  test("exports with cached decoding that gives the training pass's logits", async () => {
    const checkpoint = join(root, `${family}-imported`);
    const output = join(root, `${family}-cpu`);
    const argv = [checkpoint, "--target", "cpu", "-o", output, "--json"];
    const { exitCode, json } = await runCommand("export", argv);
    expect([exitCode, json]).toMatchObject([
      0,
      { result: { parity: { maxAbs: expect.any(Number) as number } } },
    ]);
    expect((json as { result: { parity: { maxAbs: number } } }).result.parity.maxAbs).toBeLessThan(1e-3);
  });
});

describe("a recipe with an imported teacher", () => {
  test("prompts it with examples, and trains a student with another vocabulary from labels", async () => {
    const { data, tokenizer, distill } = tinyRecipe(join(root, "few-shot"));
    const recipe = await writeTinyRecipe(join(root, "few-shot"), {
      data: data!,
      tokenizer: tokenizer!,
      teacher: {
        kind: "import",
        model: join(root, "qwen3"),
        prompt: { instruction: "Spell.", before: "Word: ", examples: 1 },
      },
      cache: {},
      distill: { ...distill, loss: { forwardKl: 0, crossEntropy: 1 } },
    });
    const out = join(root, "few-shot-run");
    const { exitCode, stderr } = await runCommand("run", [recipe, "--out", out]);
    expect(exitCode, stderr).toBe(0);
    const config = JSON.parse(
      await readFile(join(out, "teacher", "tokenizer_config.json"), "utf8"),
    ) as object;
    const [first] = (await readFile(join(out, "data", "train.jsonl"), "utf8")).split("\n");
    const { source, target } = JSON.parse(first ?? "") as Record<"source" | "target", string>;
    const before = `Spell.Word: ${source}\n${target}\nWord: `;
    expect(config).toMatchObject({ eos_token: "Ċ", source: { before, after: "\n" } });
  });

  test("prompts it with its own chat template, with examples as earlier turns", async () => {
    const model = join(root, "chat-model");
    await writeExternalModel(model, "llama");
    await writeFile(
      join(model, "chat_template.jinja"),
      "{{ bos_token }}{% for message in messages %}{{ message.role[:1] }}:{{ message.content }}{{ eos_token }}{% endfor %}" +
        "{% if add_generation_prompt %}a:{% endif %}",
    );
    const { data, tokenizer } = tinyRecipe(join(root, "chat"));
    const recipe = await writeTinyRecipe(join(root, "chat"), {
      data: data!,
      tokenizer: tokenizer!,
      teacher: {
        kind: "import",
        model,
        prompt: { chat: true, instruction: "Spell", before: ".", examples: 1 },
      },
    });
    const out = join(root, "chat-run");
    const { exitCode, stderr } = await runCommand("run", [recipe, "--out", out]);
    expect(exitCode, stderr).toBe(0);
    const config = JSON.parse(
      await readFile(join(out, "teacher", "tokenizer_config.json"), "utf8"),
    ) as object;
    const [first] = (await readFile(join(out, "data", "train.jsonl"), "utf8")).split("\n");
    const { source, target } = JSON.parse(first ?? "") as Record<"source" | "target", string>;
    const before = `<s>s:Spell</s>u:.${source}</s>a:${target}</s>u:.`;
    expect(config).toMatchObject({ eos_token: "</s>", source: { before, after: "</s>a:" } });
    expect((await verifyDirectory(join(out, "teacher"))).problems).toEqual([]);
  });

  test("says that a model has no chat template", async () => {
    const { data, tokenizer } = tinyRecipe(join(root, "no-chat"));
    const recipe = await writeTinyRecipe(join(root, "no-chat"), {
      data: data!,
      tokenizer: tokenizer!,
      teacher: { kind: "import", model: join(root, "llama"), prompt: { chat: true } },
    });
    const { exitCode, stderr } = await runCommand("run", [recipe, "--out", join(root, "no-chat-run")]);
    expect([exitCode, stderr]).toEqual([66, expect.stringContaining("chat_template.jinja")]);
  });
});

describe("teacher finetune", () => {
  test("trains adapters on the prompted rows and merges them into the teacher", async () => {
    const directory = join(root, "finetune");
    const { data, tokenizer } = tinyRecipe(directory);
    const teacher = {
      kind: "import",
      model: join(root, "gemma3"),
      prompt: { before: "Word: " },
    };
    const recipe = await writeTinyRecipe(directory, { data: data!, tokenizer: tokenizer!, teacher });
    const sets = ["learningRate=0.02", "warmupSteps=1", "evaluateRows=2", "evaluateEvery=6", "buckets=1"];
    const argv = [recipe, "--out", join(root, "finetune-run"), "--json"].concat(
      sets.flatMap((set) => ["--set", `teacher.finetune.${set}`]),
    );
    const { exitCode, json } = await runCommand("teacher:train", [...argv, "--steps", "30"]);
    expect([exitCode, json]).toMatchObject([0, { result: { vocab: 80, finetuned: { steps: 30 } } }]);
    const { loss } = (json as { result: { finetuned: { loss: number } } }).result.finetuned;
    // The loss of a random model with logits around 1 starts above ln 80 = 4.4 nats.
    expect(loss).toBeLessThan(4);
    const checked = ["--reference", expectedLogits("gemma3")];
    const after = await runCommand("teacher:check", [join(root, "finetune-run", "teacher"), ...checked]);
    expect(after.exitCode).toBe(3);
  });
});

describe("teacher import rejects", () => {
  test("an unknown architecture, by name", async () => {
    const directory = join(root, "unknown");
    await writeExternalModel(directory, "llama");
    const file = join(directory, "config.json");
    const config = JSON.parse(await readFile(file, "utf8")) as object;
    await writeFile(file, JSON.stringify({ ...config, architectures: ["MambaForCausalLM"] }));
    const { exitCode, json } = await runCommand("teacher:import", [
      directory,
      "-o",
      join(root, "no"),
      "--json",
    ]);
    expect([exitCode, json]).toMatchObject([78, { error: { code: "CONFIG_INVALID" } }]);
    expect(JSON.stringify(json)).toContain("MambaForCausalLM");
  });

  test("a model without tokenizer.json", async () => {
    const directory = join(root, "no-tokenizer");
    await writeExternalModel(directory, "llama");
    await rm(join(directory, "tokenizer.json"));
    const argv = [directory, "-o", join(root, "none"), "--json"];
    expect(await runCommand("teacher:import", argv)).toMatchObject({ exitCode: 66 });
  });
});

test("teacher check exits with code 3 if the model is another one", async () => {
  const argv = [join(root, "llama-imported"), "--reference", expectedLogits("smollm2"), "--json"];
  const { exitCode, json } = await runCommand("teacher:check", argv);
  expect([exitCode, json]).toMatchObject([3, { error: { code: "GATE_FAILED" }, result: { pass: false } }]);
});

describe("an ensemble of trained teachers", () => {
  test("is trained with dropout, labels sources, and is measured as an ensemble", async () => {
    const at = join(root, "two");
    const { data, tokenizer, teacher, distill } = tinyRecipe(at);
    const { model, ...settings } = teacher as { readonly model: object };
    const member = { ...settings, dropout: 0.1 };
    const recipe = await writeTinyRecipe(at, {
      data: data!,
      tokenizer: tokenizer!,
      cache: {},
      distill: distill!,
      teacher: {
        kind: "ensemble",
        members: [
          { ...member, model },
          { ...member, model: { ...model, decoderLayers: 2 } },
        ],
      },
    });
    const out = join(root, "two-run");
    const { exitCode, stderr } = await runCommand("distill", [recipe, "--out", out]);
    expect(exitCode, stderr).toBe(0);
    const predictions = join(root, "two.jsonl");
    const argv = [join(out, "teacher"), "--data", join(at, "test.jsonl"), "-o", predictions, "--json"];
    const measured = await runCommand("teacher:eval", [...argv, "--metrics", "wer"]);
    expect(measured).toMatchObject({ exitCode: 0, json: { result: { n: 3, predictions } } });
    const { metrics } = (measured.json as { result: { metrics: Record<"wer", number> } }).result;
    const rows = (await readFile(predictions, "utf8")).trim().split("\n");
    const scores = rows.map((row) => (JSON.parse(row) as { readonly score: number }).score);
    expect(metrics.wer).toBeCloseTo(scores.reduce((sum, score) => sum + score, 0) / 3, 10);
    expect(await runCommand("teacher:eval", [...argv, "--metrics", "perplexity"])).toMatchObject({
      exitCode: 2,
      json: { error: { code: "USAGE" } },
    });
  });
});
