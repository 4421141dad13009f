/**
 * Compares every family with its own library. Fixtures: packages/checkpoints/fixtures/tiny-teachers.py, with torch 2.5.1 and transformers
 * 4.57.1. Their logits are float32, computed from the stored weights.
 */
import { join } from "node:path";
import { decode, decodeStep, outputHead, type SelfCache } from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { createEagerEngine, type Engine, type Tensor } from "@slm/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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

describe.each(NAMES)("%s", (name) => {
  test("has the logits of its own library over whole sequences", async () => {
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

  test("has them step by step from a cache", async () => {
    const { config, weights } = await load(name);
    const { ids, logits } = await expected(name);
    const [rows = 0, length = 0] = ids.shape;
    const feeds = {
      ...Object.fromEntries(weights),
      ids: createHostTensor("int32", [rows, length], ids.data),
    };
    const program = await engine.compile({
      name: `${name} steps`,
      forwardOnly: true,
      inputs: {
        ...specs(feeds),
        ...Object.fromEntries(
          Array.from({ length }, (_, at) => [`at.${at}`, { dtype: "int32" as const, shape: [1] }]),
        ),
        ...Object.fromEntries(
          Array.from({ length }, (_, at) => [`ids.${at}`, { dtype: "int32" as const, shape: [rows, 1] }]),
        ),
        empty: { dtype: "float32", shape: [rows, config.kvHeads, length, config.headDim] },
      },
      build: (x) => {
        let caches: SelfCache[] = Array.from({ length: config.decoderLayers }, () => ({
          key: x["empty"]!,
          value: x["empty"]!,
        }));
        const outputs: Record<string, Tensor> = {};
        for (let at = 0; at < length; at++) {
          const step = decodeStep(config, x, x[`ids.${at}`]!, {
            caches,
            capacity: length,
            pastLength: x[`at.${at}`]!,
          });
          caches = step.caches;
          outputs[`logits.${at}`] = outputHead(config, x, step.hidden);
        }
        return outputs;
      },
    });
    const column = (at: number): HostTensor =>
      createHostTensor(
        "int32",
        [rows, 1],
        Int32Array.from({ length: rows }, (_, row) => Number(ids.data[row * length + at]!)),
      );
    const steps: Record<string, HostTensor> = {
      empty: createHostTensor("float32", [rows, config.kvHeads, length, config.headDim]),
    };
    for (let at = 0; at < length; at++) {
      steps[`at.${at}`] = createHostTensor("int32", [1], Int32Array.of(at));
      steps[`ids.${at}`] = column(at);
    }
    const fetch = Array.from({ length }, (_, at) => `logits.${at}`);
    const { fetched } = await program.run({ feeds: { ...feeds, ...steps }, fetch });
    const vocabulary = config.vocabularySize;
    fetch.forEach((output, at) => {
      const values = fetched[output]!.data as Float32Array;
      for (let row = 0; row < rows; row++) {
        const start = (row * length + at) * vocabulary;
        const difference = maxDifference(
          values.slice(row * vocabulary, (row + 1) * vocabulary),
          logits.slice(start, start + vocabulary),
        );
        expect(difference, `row ${row}, position ${at}`).toBeLessThan(TOLERANCE);
      }
    });
  });
});
