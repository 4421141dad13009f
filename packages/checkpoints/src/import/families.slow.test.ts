/**
 * Compares every family with its own library. Fixtures: packages/checkpoints/fixtures/tiny-teachers.py, with torch 2.5.1 and transformers
 * 4.57.1. Their logits are float32, computed from the stored weights.
 */
import { join } from "node:path";
import { decode, outputHead } from "@slm/model";
import { type HostTensor } from "@slm/runtime";
import { createEagerEngine, type Engine } from "@slm/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSafetensors } from "../safetensors.js";
import { readHuggingFaceDirectory } from "./hugging-face-directory.js";
import type { ImportOptions } from "./mapping/import-config.js";
import { importDecoderOnly } from "./import-checkpoint.js";

const FIXTURES = join(import.meta.dirname, "../../fixtures/import");
const NAMES = ["llama", "smollm2", "qwen2", "qwen3", "phi3", "phi3-long", "gemma2", "gemma3"];
/** Lengths that matter: beyond 16 positions the long factors of phi3-long apply. */
const LENGTHS: Readonly<Record<string, ImportOptions>> = { "phi3-long": { maxSource: 24, maxTarget: 24 } };

const load = async (name: string): ReturnType<typeof importDecoderOnly> =>
  importDecoderOnly(await readHuggingFaceDirectory(join(FIXTURES, name)), LENGTHS[name]);

/** float32 sums in another order. Ignoring any one setting of the fixtures changes logits by 0.01 or more. */
const TOLERANCE = 1e-4;

let engine: Engine;
beforeAll(async () => {
  engine = await createEagerEngine("js");
});
afterAll(() => engine.close());

interface Expected {
  readonly ids: HostTensor;
  readonly logits: Float32Array;
}

async function expected(name: string): Promise<Expected> {
  const { tensors } = await readSafetensors(join(FIXTURES, name, "expected.safetensors"));
  return { ids: tensors.get("ids")!, logits: tensors.get("logits")!.data as Float32Array };
}

function maxDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);
}

const specs = (
  tensors: Readonly<Record<string, HostTensor>>,
): Record<string, { dtype: "float32" | "int32"; shape: readonly number[] }> =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape }]) => [
      name,
      { dtype: dtype === "int32" ? "int32" : "float32", shape },
    ]),
  );

test.each(NAMES)("%s has the logits of its own library", async (name) => {
  const { config, weights } = await load(name);
  const { ids, logits } = await expected(name);
  const feeds = { ...Object.fromEntries(weights), ids };
  const program = await engine.compile({
    name,
    forwardOnly: true,
    inputs: specs(feeds),
    build: (x) => ({ logits: outputHead(config, x, decode(config, x, x["ids"]!)) }),
  });
  const { fetched } = await program.run({ feeds, fetch: ["logits"] });
  expect(maxDifference(fetched["logits"]!.data as Float32Array, logits)).toBeLessThan(TOLERANCE);
});
