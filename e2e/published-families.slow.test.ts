/**
 * Compares every published family with its own library, on the engine of `slm model check`. Fixtures:
 * packages/checkpoints/fixtures/tiny-encoder-decoders.py, with torch 2.8.0 and transformers 4.57.1; that of T5Gemma 2 with transformers
 * 5.24.0. GGUF files: packages/extension-gguf/fixtures/tiny-gguf-t5.py, by the converter of llama.cpp (llama-cpp-python 0.3.36).
 */
import { readdir } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { checkHuggingFace, isHuggingFaceReference } from "@slm/checkpoints";
import gguf from "@slm/extension-gguf";
import { useExtension } from "@slm/extensions";
import type { Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { createOnnxEngine, type Engine } from "@slm/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";

const FIXTURES = join(import.meta.dirname, "../packages/checkpoints/fixtures/encoder-decoders");
const GGUF = join(import.meta.dirname, "../packages/extension-gguf/fixtures/t5");
const directories = async (parent: string): Promise<string[]> =>
  (await readdir(parent)).map((name) => join(parent, name));
const CASES = [...(await directories(FIXTURES)), ...(await directories(GGUF))].map(
  (directory) => [relative(join(FIXTURES, ".."), directory), directory] as const,
);

let runtime: Runtime;
let engine: Engine;
beforeAll(async () => {
  useExtension(gguf);
  runtime = await createCpuRuntime({ inThread: true, threads: 1 });
  engine = createOnnxEngine(runtime);
});
afterAll(() => runtime.close());

/** What the reference library leaves out for some families. Empty for the others. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "t5gemma-defaults":
    "attention softcap 2, which transformers' default attention (sdpa) ignores; source positions before the last 3 " +
    "in layers with a window, which transformers drops after the first token of an answer",
  "m2m_100-pads": "positions of padding tokens inside answers, which transformers leaves out",
};

/** Families with reference searches that exclude tokens of the source. */
const SOURCE_SEARCHES: ReadonlySet<string> = new Set(
  "bart-heads pegasus-heads t5gemma-heads t5gemma-widths t5-quick-gelu t5-dense-act".split(" "),
);

/** Directories with reference searches that prefer tokens of the source (`encoder_repetition_penalty`). */
const PREFERENCES: ReadonlySet<string> = new Set(["t5gemma-widths"]);

test.each(CASES)(
  "%s gives the outputs, answers and searches of its own library",
  async (_, directory) => {
    const name = basename(directory);
    expect(await isHuggingFaceReference(directory)).toBe(true);
    const report = await checkHuggingFace(directory, engine);
    // Tolerance for sums in another order. The families' settings change results by 0.01 or more, an epsilon by 1e-4.
    expect(report.encoderOutput.maxAbs).toBeLessThan(3e-5);
    expect(report.logits.maxAbs).toBeLessThan(6e-5);
    expect(report).toMatchObject({
      greedy: { same: true },
      beams: { same: true },
      searches: {
        same: true,
        count: 9 + (SOURCE_SEARCHES.has(name) ? 2 : 0) + (PREFERENCES.has(name) ? 2 : 0),
      },
      pass: true,
    });
    expect(report.leftOut).toBe(LEFT_OUT[name]);
  },
  120_000,
);
