/** Compares exported graphs, run as in generation, with the training forward pass. */
import { join } from "node:path";
import { GRAPH_IO } from "@slm/exported-model";
import type { EncoderDecoderConfig, ModelConfig } from "@slm/model";
import { type ExportReport } from "@slm/onnx-export";
import { createHostTensor, type Session } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import { decoderOnly, encoderDecoder } from "./random-models.js";
import { TinyModels } from "./tiny-models.js";

/**
 * Tolerance for float32 sums of a few hundred terms in another order. A wrong head, position or mask causes differences of 0.01 or more.
 */
const TOLERANCE = 2e-5;

const models = new TinyModels();

interface Trial {
  readonly target?: "cpu" | "web";
  readonly shortlist?: readonly number[];
}

async function exported(
  config: ModelConfig,
  { target = "cpu", ...settings }: Trial = {},
): Promise<ExportReport & { readonly directory: string }> {
  const { report, directory } = await models.exported(config, { target, ...settings });
  return { ...report, directory };
}

const VARIANTS: Readonly<Record<string, object>> = {
  "grouped KV heads": {},
  "as many KV heads as heads": { kvHeads: 4 },
  "one KV head for five heads": { heads: 5, kvHeads: 1 },
  "heads of 8": { headDim: 8 },
  "heads of 24": { headDim: 24 },
  "heads of 32": { headDim: 32 },
  "heads of 64": { headDim: 64 },
  "no biases": { bias: false },
  "modulo head order": { heads: 6, kvHeads: 2, headOrder: "modulo" },
  "modulo head order, heads of 24": { heads: 6, kvHeads: 3, headDim: 24, headOrder: "modulo" },
  "sizes that are multiples of nothing": { width: 50, feedForward: 33, heads: 3, kvHeads: 3 },
  "another rotary base": { ropeTheta: 500 },
  "gates, norms of heads and branch ends, a head of its own, capped logits": {
    activation: "swiglu",
    qkNorm: true,
    postNorm: true,
    tieWordEmbeddings: false,
    logitSoftcap: 4,
    bias: "attention",
  },
  "tanh gates, normed heads of 24 in modulo order": {
    activation: "geglu",
    qkNorm: true,
    heads: 6,
    kvHeads: 3,
    headDim: 24,
    headOrder: "modulo",
    bias: "query-key-value",
  },
  "room for one token only": { maxSource: 1, maxTarget: 1 },
};

/** Capacity of caches that are too long to be joined with new positions (`delta-cache.ts`). */
const LONG = { maxTarget: 150 };

/** Like T5Gemma 2: merged attention in the decoder, asymmetric windows in the encoder. */
const MERGED: EncoderDecoderConfig = {
  ...encoderDecoder,
  activation: "geglu",
  qkNorm: true,
  postNorm: true,
  bias: false,
  mergedAttention: true,
  localRope: { ropeTheta: 50, encoderLayers: [0], decoderLayers: [1] },
  slidingWindow: { window: 4, encoderLayers: [0], decoderLayers: [1], encoder: { before: 2, after: 2 } },
};

test("an exported decoder with one attention over target and source computes what the trained one does", async () => {
  for (const room of [{}, LONG]) {
    const { parity } = await exported({ ...MERGED, ...room });
    expect(parity?.maxAbs).toBeLessThan(TOLERANCE);
  }
});

describe.each([encoderDecoder, decoderOnly])("an exported $architecture model", (base) => {
  test.each(Object.entries(VARIANTS))("computes what the trained one does: %s", async (_name, change) => {
    for (const room of [{}, LONG]) {
      const { parity } = await exported({ ...base, ...change, ...room });
      expect(parity?.cases).toHaveLength(3);
      expect(parity?.maxAbs).toBeLessThan(TOLERANCE);
    }
  });
});

test("an exported decoder with windows, capped scores and its own frequencies computes what the trained one does", async () => {
  for (const room of [{}, LONG]) {
    const { parity } = await exported({
      ...decoderOnly,
      ...room,
      attentionSoftcap: 2,
      ropeInverseFrequencies: [1, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01],
      slidingWindow: { window: 5, layers: [1], ropeTheta: 300 },
    });
    expect(parity?.maxAbs).toBeLessThan(TOLERANCE);
  }
});

describe("the decoder of an exported model", () => {
  const load = async (config: ModelConfig): Promise<Session> => {
    const { directory } = await exported(config);
    return models.runtime.load({ kind: "file", path: join(directory, "decoder.onnx") });
  };
  const run = async (
    decoder: Session,
    sizes: { batch: number; target: number; past: number; capacity: number },
  ) => {
    const { batch, target, past, capacity } = sizes;
    const cache = createHostTensor("float32", [
      batch,
      encoderDecoder.kvHeads,
      capacity,
      encoderDecoder.headDim,
    ]);
    const layers = [0, 1].flatMap((layer) => [GRAPH_IO.pastKey(layer), GRAPH_IO.pastValue(layer)]);
    return decoder.run({
      feeds: {
        [GRAPH_IO.targetIds]: createHostTensor("int32", [batch, target]),
        [GRAPH_IO.pastLength]: createHostTensor("int32", [1], Int32Array.of(past)),
        ...Object.fromEntries(layers.map((name) => [name, cache])),
      },
      fetch: [GRAPH_IO.logits],
    });
  };

  test("fails, and does not crash, on requests that no cache can hold", async () => {
    const decoder = await load(decoderOnly);
    await expect(run(decoder, { batch: 2, target: 1, past: 40, capacity: 48 })).rejects.toThrow();
    await expect(run(decoder, { batch: 2, target: 1, past: -1, capacity: 8 })).rejects.toThrow();
    await expect(run(decoder, { batch: 1, target: 0, past: 0, capacity: 8 })).rejects.toThrow();
    expect(
      (await run(decoder, { batch: 2, target: 1, past: 7, capacity: 8 })).fetched[GRAPH_IO.logits]?.shape,
    ).toEqual([2, 37]);
  });
});

test.each(["cpu", "web"] as const)(
  "a decoder that knows a shortlist of tokens computes their logits, target %s",
  async (target) => {
    const { parity } = await exported(encoderDecoder, { target, shortlist: [0, 1, 2, 3, 6, 9, 20, 36] });
    expect(parity?.maxAbs).toBeLessThan(TOLERANCE);
  },
);
