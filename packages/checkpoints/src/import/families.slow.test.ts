/**
 * Compares every family with its own library. Fixtures: packages/checkpoints/fixtures/tiny-teachers.py, with torch 2.5.1 and transformers
 * 4.57.1. Their logits are float32, computed from the stored weights.
 */
import { join } from "node:path";
import { decode, outputHead } from "@slm/model";
import { compute } from "@slm/model/testing";
import { type HostTensor } from "@slm/runtime";
import type { Tensor } from "@slm/tensor";
import { expect, test } from "vitest";
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

test.each(NAMES)("%s has the logits of its own library", async (name) => {
  const { config, weights } = await load(name);
  const { ids, logits } = await expected(name);
  const feeds = { ...Object.fromEntries(weights), ids };
  const build = (x: Readonly<Record<string, Tensor>>): Record<string, Tensor> => ({
    logits: outputHead(config, x, decode(config, x, x["ids"]!)),
  });
  const found = await compute(feeds, build, ["logits"]);
  expect(maxDifference(found["logits"]!.data as Float32Array, logits)).toBeLessThan(TOLERANCE);
});
