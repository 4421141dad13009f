/** Model shapes by size: the paper's (arXiv:2501.16273), and a tiny one for a quick check. */
import { parameterCount, parseModelConfig } from "@slm/model";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { TOKENS } from "./harness.mjs";

const SMALL = {
  architecture: /** @type {const} */ ("encoder-decoder"),
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
};

/**
 * An encoder-decoder in the format of a model file for `slm model init`.
 *
 * @typedef {typeof SMALL} Shape
 */

/** @type {Shape} */
const PAPER_SHAPE = parse(
  readFileSync(new URL("../../../../configs/paper-330m/model.yaml", import.meta.url), "utf8"),
);

/** @type {Readonly<Record<string, Shape>>} */
const SHAPES = {
  tiny: {
    ...SMALL,
    vocabularySize: 512,
    width: 64,
    headDim: 16,
    feedForward: 128,
    encoderLayers: 2,
    decoderLayers: 1,
  },
  small: SMALL,
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

/** @throws Error with the known sizes */
export function shapeOf(/** @type {string} */ size) {
  const shape = SHAPES[size];
  if (shape === undefined)
    throw new Error(`size: expected one of ${Object.keys(SHAPES).join(", ")}, got ${size}`);
  return shape;
}

/** Number of parameters of a model of this shape; the shared table counts once. */
export const parametersOf = (/** @type {Shape} */ shape) => parameterCount(parseModelConfig(shape, "shape"));
