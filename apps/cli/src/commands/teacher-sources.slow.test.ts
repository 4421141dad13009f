import { verifyDirectory } from "@slm/core";
import { mkdir, readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { expectedLogits, writeExternalModel } from "../testing/external-model.js";
import { runCommand } from "../testing/run-command.js";
import { tinyRecipe, writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";

const GGUF = fileURLToPath(
  new URL("../../../../packages/extension-gguf/fixtures/tiny-llama.gguf", import.meta.url),
);
const COMMIT = "0123456789abcdef0123456789abcdef01234567";

const root = temporaryFolder({ each: true });
beforeEach(() => {
  vi.stubEnv("HF_HUB_CACHE", join(root, "hub"));
  vi.stubEnv("HF_HUB_OFFLINE", "1");
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const teacher = (source: string): ReturnType<typeof runCommand> =>
  runCommand("teacher:import", [source, "-o", join(root, "teacher"), "--json"]);

/** The hub's cache with one model, where each file is a link into another directory. */
async function cacheModel(branch?: string): Promise<void> {
  const folder = join(root, "hub", "models--acme--tiny");
  await writeExternalModel(join(folder, "blobs"), "smollm2");
  await mkdir(join(folder, "snapshots", COMMIT), { recursive: true });
  for (const name of await readdir(join(folder, "blobs"))) {
    await symlink(join("..", "..", "blobs", name), join(folder, "snapshots", COMMIT, name));
  }
  if (branch === undefined) return;
  await mkdir(join(folder, "refs"));
  await writeFile(join(folder, "refs", branch), COMMIT);
}

describe("teacher import", () => {
  test("of a GGUF file writes a checkpoint with its tokenizer", async () => {
    const { exitCode, json } = await teacher(GGUF);
    expect([exitCode, json]).toMatchObject([
      0,
      { result: { vocab: 20, architecture: "LlamaForCausalLM", source: GGUF } },
    ]);
    expect((await verifyDirectory(join(root, "teacher"))).problems).toEqual([]);
    const generated = await runCommand("generate", [join(root, "teacher"), "--prompt", "abc", "--json"]);
    expect(generated.exitCode).toBe(0);
  });

  test("of a hub id reads the cache, whose files are links", async () => {
    await cacheModel();
    const { exitCode, json } = await teacher(`acme/tiny@${COMMIT}`);
    expect([exitCode, json]).toMatchObject([
      0,
      { result: { vocab: 80, hub: { repo: "acme/tiny", revision: COMMIT, commit: COMMIT } } },
    ]);
  });

  test("of a hub id that is not in the cache names the missing file and the command that fetches it", async () => {
    const { exitCode, json } = await teacher("acme/tiny");
    expect([exitCode, json]).toMatchObject([
      66,
      {
        error: {
          code: "INPUT_MISSING",
          context: { missing: "config.json" },
          suggestions: ["HF_HUB_OFFLINE=0 slm teacher import acme/tiny -o DIR", expect.anything()],
        },
      },
    ]);
  });
});

describe("a recipe whose teacher is a hub id", () => {
  const recipe = (): Promise<string> => {
    const { data, tokenizer } = tinyRecipe(root);
    const sections = { data: data!, tokenizer: tokenizer!, teacher: { kind: "import", model: "acme/tiny" } };
    return writeTinyRecipe(root, sections);
  };
  const run = async (...flags: readonly string[]): ReturnType<typeof runCommand> =>
    runCommand("run", [await recipe(), "--out", join(root, "run"), "--json", ...flags]);

  test("reads the cache, and is skipped while the cache does not change", async () => {
    await cacheModel("main");
    const { exitCode, json } = await run();
    expect([exitCode, json]).toMatchObject([0, { result: { stages: [{}, {}, { status: "ran" }] } }]);
    const manifest = JSON.parse(
      await readFile(join(root, "run", "teacher", "manifest.json"), "utf8"),
    ) as object;
    expect(manifest).toMatchObject({ details: { hub: { repo: "acme/tiny", commit: COMMIT } } });
    expect(await run()).toMatchObject({ json: { result: { stages: [{}, {}, { status: "skipped" }] } } });
    expect(await run("--dry-run")).toMatchObject({
      json: { result: { stages: [{}, {}, { status: "would-skip" }] } },
    });
  });

  test("is planned without a request to the hub, as a stage that would run", async () => {
    vi.stubEnv("HF_HUB_OFFLINE", "0");
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9");
    const { exitCode, json } = await run("--dry-run");
    expect([exitCode, json]).toMatchObject([
      0,
      { result: { stages: [{}, {}, { name: "teacher", status: "would-run" }] } },
    ]);
  });
});

describe("a recipe whose teacher is an ONNX file", () => {
  /** A directory as an exporter writes it: graph, tokenizer, config.json. */
  async function exported(): Promise<string> {
    await writeExternalModel(join(root, "llama"), "llama");
    const imported = await runCommand("teacher:import", [join(root, "llama"), "-o", join(root, "imported")]);
    expect(imported.exitCode, imported.stderr).toBe(0);
    const argv = [join(root, "imported"), "--layout", "transformers.js", "-o", join(root, "onnx"), "--json"];
    const made = await runCommand("export", argv);
    expect(made.exitCode, made.stderr).toBe(0);
    return join(root, "onnx");
  }

  test("is checked, cached and distilled like any other", async () => {
    const directory = await exported();
    const reference = ["--reference", expectedLogits("llama")];
    const checked = await runCommand("teacher:check", [directory, ...reference, "--json"]);
    expect([checked.exitCode, checked.json]).toMatchObject([0, { result: { pass: true, agreement: 1 } }]);
    const { data, tokenizer, distill } = tinyRecipe(root);
    const recipe = await writeTinyRecipe(root, {
      data: data!,
      tokenizer: tokenizer!,
      teacher: { kind: "onnx", path: directory, prompt: { before: "Word: ", examples: 1 } },
      cache: { generate: "greedy" },
      distill: { ...distill, loss: { forwardKl: 0, crossEntropy: 1 } },
    });
    const out = join(root, "run");
    const { exitCode, stderr, json } = await runCommand("run", [recipe, "--out", out, "--json"]);
    expect([exitCode, json], stderr).toMatchObject([0, { result: { stages: { length: 5 } } }]);
    expect((await verifyDirectory(join(out, "teacher"))).problems).toEqual([]);
    expect(await runCommand("run", [recipe, "--out", out, "--json"])).toMatchObject({
      json: { result: { stages: Array.from({ length: 5 }, () => ({ status: "skipped" })) } },
    });
  });
});

describe("a recipe with a quantized teacher", () => {
  // Random weights lose more by quantization than trained ones.
  test.each([
    ["int8", "0.01"],
    ["int4", "0.5"],
  ])(
    "%s: scores with a graph next to its checkpoint",
    async (precision, maxKl) => {
      const model = join(root, "llama");
      await writeExternalModel(model, "llama");
      const { data, tokenizer, distill } = tinyRecipe(root);
      const recipe = await writeTinyRecipe(root, {
        data: data!,
        tokenizer: tokenizer!,
        teacher: { kind: "import", model, precision, prompt: { before: "Word: " } },
        distill: { ...distill, loss: { forwardKl: 0, crossEntropy: 1 } },
      });
      const out = join(root, "run");
      const { exitCode, stderr } = await runCommand("run", [recipe, "--out", out]);
      expect(exitCode, stderr).toBe(0);
      const { details } = JSON.parse(await readFile(join(out, "teacher", "manifest.json"), "utf8")) as {
        readonly details: { readonly quantized: Readonly<Record<"bytesBefore" | "bytesAfter", number>> };
      };
      expect(details.quantized).toMatchObject({ precision });
      // Rotary tables are not quantized, and are half of this small model.
      expect(details.quantized.bytesAfter).toBeLessThan(details.quantized.bytesBefore - 10_000);
      const checked = await runCommand("teacher:check", [
        join(out, "teacher"),
        "--reference",
        expectedLogits("llama"),
        "--max-kl",
        maxKl,
        "--min-agreement",
        "0.5",
        "--json",
      ]);
      expect([checked.exitCode, checked.json]).toMatchObject([0, { result: { pass: true } }]);
      expect((checked.json as { result: { maxAbs: number } }).result.maxAbs).toBeGreaterThan(1e-3);
    },
    120_000,
  );
});
