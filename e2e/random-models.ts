/** Random models of every shape for comparisons, and tolerances of their logits. */
import { type Checkpoint } from "@slm/checkpoints";
import { createRandom } from "@slm/generation";
import { type Precision } from "@slm/devices";
import {
  initializeWeights,
  visionConfig,
  type DecoderOnlyConfig,
  type EncoderDecoderConfig,
} from "@slm/model";

/** Tolerances for logits of a few units: float32 sums in another order, rounding to 11 and 8 bits at every step. */
export const TOLERANCE: Readonly<Record<Precision, number>> = {
  float32: 2e-5,
  float16: 0.02,
  bfloat16: 0.15,
};

const shared = {
  width: 48,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  feedForward: 80,
  decoderLayers: 2,
  maxSource: 24,
  maxTarget: 12,
  ropeTheta: 10_000,
  normEpsilon: 1e-6,
  bias: true,
  headOrder: "grouped",
  vocabularySize: 37,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
} as const;
export const encoderDecoder: EncoderDecoderConfig = {
  ...shared,
  architecture: "encoder-decoder",
  encoderLayers: 2,
};
export const decoderOnly: DecoderOnlyConfig = { ...shared, architecture: "decoder-only" };

export function randomWeights(config: Checkpoint["config"]): Checkpoint["weights"] {
  const { next } = createRandom(11);
  const weights = new Map(initializeWeights(config, next));
  for (const [name, weight] of weights) {
    // Gains and biases start at one and zero, where omitting them would not be noticed.
    if (weight.shape.length === 1) {
      const start = name.endsWith(".bias") ? -0.5 : 0.5;
      weights.set(name, { ...weight, data: new Float32Array(weight.data.length).map(() => start + next()) });
    }
  }
  return weights;
}

/** Six patches of 8 x 8 pixels, by rows. */
export const tower = {
  image: { resize: { kind: "stretch", height: 16, width: 24 } },
  patch: { height: 8, width: 8 },
  width: 24,
  layers: 2,
  heads: 3,
  feedForward: 40,
} as const;
export const sees = (vision: Parameters<typeof visionConfig.parse>[0]): EncoderDecoderConfig => ({
  ...encoderDecoder,
  vision: visionConfig.parse(vision),
});

export const TOWERS: Readonly<Record<string, Parameters<typeof visionConfig.parse>[0]>> = {
  "CLIP's layout, pooled by means": {
    tower: {
      ...tower,
      inputNorm: true,
      outputNorm: false,
      patchBias: false,
      activation: "quickGelu",
      classToken: "dropped",
    },
    projector: { pool: { kind: "average", height: 1, width: 2 } },
  },
  "patches read with their neighbours": {
    tower: { ...tower, convolution: { layers: 1, height: 3, width: 3 } },
  },
  "a class token that is kept, a wide projector": {
    tower: { ...tower, classToken: "kept" },
    projector: { hidden: 70 },
  },
  "grey columns, pooled between neighbours": {
    tower: {
      ...tower,
      patch: { height: 16, width: 3 },
      image: { ...tower.image, channels: 1, mean: [0.5], std: [0.5] },
    },
    projector: { pool: { kind: "bilinear", height: 1, width: 5 } },
  },
};

/** Shapes that reveal a wrong head, axis or position, on one profile for every attention lowering. */
export const SHAPES: Readonly<Record<string, Partial<EncoderDecoderConfig>>> = {
  "gates, norms of heads and branch ends, a head of its own, capped logits": {
    activation: "swiglu",
    qkNorm: true,
    postNorm: true,
    tieWordEmbeddings: false,
    logitSoftcap: 4,
    bias: "attention",
  },
  "as students of Gemma 3: normed heads of cross-attention, layers with a rotary base of their own": {
    activation: "geglu",
    qkNorm: true,
    crossQkNorm: true,
    postNorm: true,
    localRope: { ropeTheta: 50, encoderLayers: [0], decoderLayers: [1] },
    bias: false,
  },
  "half of the positions behind the first encoder layer": { encoderPooling: { afterLayers: [1], group: 2 } },
  "a third of the positions, biases by distance, a window over them": {
    encoderPooling: { afterLayers: [1], group: 3 },
    kvHeads: 4,
    positions: { kind: "relative-bias", buckets: 8, maxDistance: 12 },
    slidingWindow: { window: 2, encoderLayers: [0, 1], decoderLayers: [] },
  },
  "half of the positions for the decoder alone, heads of 24": {
    encoderPooling: { afterLayers: [2], group: 2 },
    headDim: 24,
  },
  "modulo head order, no biases": { heads: 6, kvHeads: 3, headOrder: "modulo", bias: false },
  "as many KV heads as heads": { kvHeads: 4 },
  "other heads in the encoder, normed and in modulo order": {
    encoderHeads: { heads: 6, kvHeads: 3, headDim: 8 },
    headOrder: "modulo",
    qkNorm: true,
    activation: "quick-geglu",
  },
  "other heads in the encoder, with biases by distance": {
    encoderHeads: { heads: 2, kvHeads: 2, headDim: 24 },
    kvHeads: 4,
    positions: { kind: "relative-bias", buckets: 8, maxDistance: 12 },
    activation: "erf-geglu",
  },
  "a wider encoder with its own table and heads, and ends of branches normed": {
    encoderWidth: 72,
    encoderHeads: { heads: 6, kvHeads: 3, headDim: 8 },
    sourceVocabularySize: 40,
    postNorm: true,
    activation: "geglu",
    bias: false,
  },
  "one KV head for five heads": { heads: 5, kvHeads: 1 },
  "heads of 24": { headDim: 24 },
  "sizes that are multiples of nothing": { width: 50, feedForward: 33, heads: 3, kvHeads: 3 },
  "room for two tokens only": { maxSource: 1, maxTarget: 2 },
};

/** Shapes for which layout transformers.js has no model class. */
export const NATIVE_SHAPES: Readonly<Record<string, Partial<EncoderDecoderConfig>>> = {
  "as Firefox's translators: a recurrence in place of self-attention, norms after sums": {
    decoderRecurrence: "ssru",
    positions: { kind: "sinusoidal", spacing: "half", first: 0 },
    norm: "layer",
    normPlacement: "post",
    activation: "relu",
  },
  "a recurrence, without positions": { decoderRecurrence: "ssru" },
  "as T5Gemma 2: one attention over target and source, windows, a rotary base of local layers": {
    mergedAttention: true,
    activation: "geglu",
    qkNorm: true,
    postNorm: true,
    localRope: { ropeTheta: 50, encoderLayers: [0], decoderLayers: [1] },
    slidingWindow: {
      window: 5,
      encoderLayers: [0],
      decoderLayers: [1],
      encoder: { before: 3, after: 2 },
    },
    logitSoftcap: 4,
    bias: false,
  },
  "one attention over target and source, capped, of one KV head": {
    mergedAttention: true,
    attentionSoftcap: 3,
    kvHeads: 1,
  },
};
