/** Shapes of models by size: the paper's, and one small enough to see that a comparison runs. */
import { parameterCount, parseModelConfig } from "@slm/model";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { TOKENS } from "./harness.mjs";

const PAPER_SHAPE = parse(
  readFileSync(new URL("../../../../configs/paper-330m/model.yaml", import.meta.url), "utf8"),
);

export const SHAPES = {
  tiny: {
    architecture: "encoder-decoder",
    vocabularySize: 512,
    width: 64,
    heads: 4,
    kvHeads: 2,
    headDim: 16,
    feedForward: 128,
    encoderLayers: 2,
    decoderLayers: 1,
    maxSource: 4096,
    maxTarget: 512,
    bias: true,
    tokens: TOKENS,
  },
  small: {
    architecture: "encoder-decoder",
    vocabularySize: 8192,
    width: 256,
    heads: 4,
    kvHeads: 2,
    headDim: 64,
    feedForward: 1024,
    encoderLayers: 4,
    decoderLayers: 2,
    maxSource: 4096,
    maxTarget: 512,
    bias: true,
    tokens: TOKENS,
  },
  "20m": {
    ...PAPER_SHAPE,
    vocabularySize: 8192,
    width: 384,
    heads: 6,
    kvHeads: 6,
    headDim: 64,
    feedForward: 1536,
    encoderLayers: 6,
    decoderLayers: 2,
  },
  "30m": {
    ...PAPER_SHAPE,
    vocabularySize: 16_384,
    width: 384,
    heads: 6,
    kvHeads: 6,
    headDim: 64,
    feedForward: 1536,
    encoderLayers: 8,
    decoderLayers: 4,
  },
  paper: PAPER_SHAPE,
  "1b": {
    ...PAPER_SHAPE,
    width: 1792,
    heads: 14,
    kvHeads: 14,
    headDim: 128,
    feedForward: 7168,
    encoderLayers: 16,
    decoderLayers: 8,
  },
};

/** @throws Error naming the sizes there are */
export function shapeOf(/** @type {string} */ size) {
  if (!Object.hasOwn(SHAPES, size))
    throw new Error(`size is one of ${Object.keys(SHAPES).join(", ")}, got ${size}`);
  return SHAPES[size];
}

/** Parameters of a model of this shape, the shared table once. */
export const parametersOf = (shape) => parameterCount(parseModelConfig(shape, "shape"));

/** A decoder-only model of Llama's kind with as many layers as an encoder-decoder has in both halves. */
export function decoderOnlyOf(shape) {
  const { encoderLayers, decoderLayers, width, heads, feedForward, bias: _, ...rest } = shape;
  return {
    ...rest,
    architecture: "decoder-only",
    width,
    heads,
    headDim: width / heads,
    // Gates are a third matrix.
    feedForward: Math.round((feedForward * 2) / 3 / 32) * 32,
    decoderLayers: encoderLayers + decoderLayers,
    activation: "swiglu",
    bias: false,
  };
}
