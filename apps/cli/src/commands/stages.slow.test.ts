import { verifyDirectory } from "@slm/core";
import { cp, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";
import { tinyRecipe, writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";

const A_NUMBER: unknown = expect.any(Number);

const root = temporaryFolder();
let recipe = "";
let out = "";
beforeAll(async () => {
  recipe = await writeTinyRecipe(root);
  out = join(root, "run");
  const { exitCode, stderr } = await runCommand("run", [recipe, "--out", out]);
  if (exitCode !== 0) throw new Error(stderr);
});

describe("a run of every stage", () => {
  test("writes one artifact per stage, each matching its manifest, and skips all stages the next time", async () => {
    const stages = ["data", "tokenizer", "teacher", "distill", "export", "quantize", "deploy"];
    expect((await readdir(out)).sort()).toEqual([...stages].sort());
    for (const stage of stages) {
      expect((await verifyDirectory(join(out, stage))).problems, stage).toEqual([]);
    }
    const { json } = await runCommand("run", [recipe, "--out", out, "--json"]);
    expect(json).toMatchObject({
      result: { stages: stages.map((name) => ({ name, status: "skipped" })), deploy: join(out, "deploy") },
    });
  });

  test("chooses a confidence threshold on its dev rows if the recipe asks for one", async () => {
    const abstaining = join(root, "abstaining");
    await cp(out, abstaining, { recursive: true });
    const argv = [recipe, "--out", abstaining, "--set", "deploy.abstain.keep=0.5"];
    const { json, exitCode } = await runCommand("run", [...argv, "--json"]);
    // After two steps the student answers neither dev row correctly, so a threshold cannot be chosen.
    expect(exitCode).toBe(65);
    expect(JSON.stringify(json)).toContain("answered none of 2 rows correctly");
  });

  test("a gate that fails ends with exit 3, keeps the export and writes no quantized model", async () => {
    const { recipe: strict, out: other } = await writeStrictRecipe();
    const { exitCode, json } = await runCommand("run", [strict, "--out", other, "--json"]);
    expect([exitCode, json]).toMatchObject([3, { error: { code: "GATE_FAILED" } }]);
    expect(json).toMatchObject({ error: { context: { scheme: "int4-block", gate: { pass: false } } } });
    expect((await verifyDirectory(join(other, "export"))).problems).toEqual([]);
    expect(await readdir(other)).not.toContain("quantize");
    expect(await readdir(other)).not.toContain("deploy");
  });

  test("an absolute gate fails a useless model even if quantization lost nothing", async () => {
    const sections = tinyRecipe(root);
    const quantize = { schemes: ["int8-dynamic"], gate: { limit: 0.8, maxDrop: 1 } };
    const absolute = join(root, "absolute.yaml");
    await writeFile(absolute, JSON.stringify({ ...sections, metrics: ["exactMatch"], quantize }));
    const other = join(root, "absolute");
    const { exitCode, json } = await runCommand("run", [absolute, "--out", other, "--json"]);
    expect([exitCode, json]).toMatchObject([
      3,
      {
        error: { code: "GATE_FAILED", context: { gate: { metric: "exactMatch", limit: 0.8, pass: false } } },
      },
    ]);
    expect(JSON.stringify(json)).toContain("the float32 model also misses the limit");
    expect(await readdir(other)).not.toContain("deploy");
  });

  test("ends with a table of the models, and the same as JSON", async () => {
    const { stdout } = await runCommand("run", [recipe, "--out", out, "--quiet"]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.at(-1)).toBe(join(out, "deploy"));
    const titles = lines.findIndex((line) => line.includes("deployed, int8"));
    expect(lines[titles]).toMatch(/deployed, int8 +float32 export +teacher$/u);
    expect(lines[titles + 1]).toMatch(/^per, test rows +\d+ % \(\d+ to \d+ %\)/u);
    expect(stdout).toMatch(/trained on \d+ labelled rows/u);
    expect(stdout).toContain("warning: metrics on only 3 rows are uncertain");
    const { json } = await runCommand("run", [recipe, "--out", out, "--json"]);
    expect(json).toMatchObject({
      result: {
        summary: {
          metric: "per",
          models: [
            {
              role: "deployed",
              scheme: "int8",
              metrics: { per: { value: A_NUMBER, low: A_NUMBER } },
            },
            { role: "float32", scheme: "float32" },
          ],
          heldOut: { split: "test", rows: 3 },
          student: { parameters: A_NUMBER, devMetrics: { wer: A_NUMBER } },
          teacher: { parameters: A_NUMBER, devMetrics: { wer: A_NUMBER } },
          training: { labelled: A_NUMBER },
          device: null,
          bundleBytes: A_NUMBER,
        },
      },
    });
  });

  test("lists the parameters of the student and of the teacher in the training report", async () => {
    const html = await readFile(join(out, "distill", "report.html"), "utf8");
    expect(html).toMatch(/<dd>[\d.]+k? student, [\d.]+k? teacher<\/dd>/u);
  });

  test("measures for each value of a column, and reports classes and intervals", async () => {
    const data = join(root, "sliced.csv");
    await writeFile(data, "source,target,length\ncab,C A B,3\nbed,B E D,3\nab,A B,2\n");
    const metrics = [
      "--metrics",
      "exactMatch,accuracy",
      "--slice",
      "length",
      "-o",
      join(root, "sliced.jsonl"),
    ];
    const argv = [join(out, "deploy"), "--data", data, ...metrics];
    const { json } = await runCommand("eval", [...argv, "--json"]);
    expect(json).toMatchObject({
      result: {
        n: 3,
        intervals: { exactMatch: { low: A_NUMBER, high: A_NUMBER } },
        slices: [
          { column: "length", value: "3", n: 2 },
          { column: "length", value: "2", n: 1 },
        ],
        classes: { confusion: { labels: expect.arrayContaining(["C A B", "B E D", "A B"]) as unknown } },
      },
    });
    const { stdout } = await runCommand("eval", [...argv, "--quiet"]);
    expect(stdout).toMatch(/by length +rows +exactMatch +accuracy/u);
    expect(stdout).toMatch(/class +rows +precision +recall +F1/u);
    const other = await runCommand("eval", [...argv, "--slice", "none", "--json"]);
    expect([other.exitCode, other.json]).toMatchObject([
      2,
      { error: { message: expect.stringContaining("its columns are source, target, length") as unknown } },
    ]);
  });

  test("runs without quantization: the float32 export is deployed", async () => {
    const sections = Object.fromEntries(
      Object.entries(tinyRecipe(root)).filter(([name]) => name !== "quantize"),
    );
    const plain = join(root, "plain.yaml");
    await writeFile(plain, JSON.stringify(sections));
    const other = join(root, "plain");
    const { exitCode } = await runCommand("run", [plain, "--out", other, "--quiet"]);
    expect(exitCode).toBe(0);
    const model = JSON.parse(await readFile(join(other, "deploy", "model.json"), "utf8")) as object;
    expect(model).toMatchObject({ scheme: "float32" });
  });
});

/** A gate that a model of two steps never passes. */
async function writeStrictRecipe(): Promise<{ readonly recipe: string; readonly out: string }> {
  const gate = { maxDrop: 0, limit: 0 };
  const strict = { ...tinyRecipe(root), metrics: ["wer"], quantize: { schemes: ["int4-block"], gate } };
  const recipe = join(root, "strict.yaml");
  await writeFile(recipe, JSON.stringify(strict));
  return { recipe, out: join(root, "strict") };
}

describe("slm distill and slm teacher train", () => {
  test("report the checkpoint equally whether it is new or skipped", async () => {
    const { json, exitCode } = await runCommand("distill", [recipe, "--out", out, "--resume", "--json"]);
    expect(exitCode).toBe(0);
    expect(json).toMatchObject({
      command: "distill",
      result: {
        checkpoint: join(out, "distill"),
        steps: 2,
        status: "skipped",
        parameters: A_NUMBER,
      },
    });
    const text = await runCommand("distill", [recipe, "--out", out]);
    expect(text.stdout).toMatch(/2 steps {2}loss /);
    expect(text.stdout.trimEnd().split("\n").at(-1)).toBe(join(out, "distill"));
    const teacher = await runCommand("teacher:train", [recipe, "--out", out, "--json"]);
    expect(teacher.json).toMatchObject({ result: { vocab: 14, status: "skipped", steps: 2 } });
  });
});

describe("teacher from disk", () => {
  test("is copied unchanged, with its tokenizer", async () => {
    const checkpoint = join(root, "copied.yaml");
    const path = join(out, "teacher");
    await writeFile(
      checkpoint,
      JSON.stringify({ ...tinyRecipe(root), teacher: { kind: "checkpoint", path } }),
    );
    const other = join(root, "copied");
    const { json } = await runCommand("teacher:train", [checkpoint, "--out", other, "--json"]);
    expect(json).toMatchObject({ result: { vocab: 14, source: path } });
    const weights = async (run: string): Promise<Buffer> =>
      readFile(join(run, "teacher", "model.safetensors"));
    expect(await weights(other)).toEqual(await weights(out));
  });
});
