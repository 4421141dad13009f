/** Ops that change the number of tokens: image tokens before text, parts of a sequence, pooled grids. */
import { SlmError } from "@slm/core";
import { tf } from "../recording/tf.js";
import { defineOp } from "./lowering.js";
import { expectShape } from "./shape-check.js";
import type { GridShift } from "./signatures.js";

export const concatTokens = defineOp("concatTokens", ({ a, b }) => {
  expectShape("concatTokens", "b", b, [a.shape[0], null, a.shape[2]!]);
  return tf.concat([a, b], 1);
});

export const tokensFrom = defineOp("tokensFrom", ({ x }, { first }) => {
  const [batch, length, width] = x.shape as [number, number, number];
  return tf.slice(x, [0, first, 0], [batch, length - first, width]);
});

/** Each output token is a weighted sum of the input tokens: a product with a constant matrix. */
export const mixTokens = defineOp("mixTokens", ({ x }, { weights, outputs }) => {
  const [batch, length, width] = x.shape as [number, number, number];
  checkMix(weights, outputs, length);
  const rows = tf.reshape(tf.transpose(x, [0, 2, 1]), [batch * width, length]);
  const mixed = tf.matMul(rows, tf.tensor2d(weights, [outputs, length]), false, true);
  return tf.transpose(tf.reshape(mixed, [batch, width, outputs]), [0, 2, 1]);
});

/** Shifts a row-major grid of tokens: each token is replaced with the token `down` rows below and `across` columns to the right; zeros outside. */
export const shiftGrid = defineOp("shiftGrid", ({ x }, shift) => {
  const { height, width, down, across } = shift;
  const [batch, length, size] = x.shape as [number, number, number];
  checkShift(shift, length);
  const rows = tf.reshape(x, [batch, height, width * size]);
  const kept: [number, number, number] = [batch, height - Math.abs(down), (width - Math.abs(across)) * size];
  const found = tf.slice(rows, [0, Math.max(0, down), Math.max(0, across) * size], kept);
  const padded = tf.pad(found, [
    [0, 0],
    [Math.max(0, -down), Math.max(0, down)],
    [Math.max(0, -across) * size, Math.max(0, across) * size],
  ]);
  return tf.reshape(padded, [batch, length, size]);
});

/** The same shift as weights of `mixTokens`: `[height · width, height · width]`. */
export function shiftWeights({ height, width, down, across }: GridShift): Float32Array {
  const tokens = height * width;
  const weights = new Float32Array(tokens * tokens);
  for (let row = Math.max(0, -down); row < Math.min(height, height - down); row++)
    for (let column = Math.max(0, -across); column < Math.min(width, width - across); column++)
      weights[(row * width + column) * tokens + (row + down) * width + column + across] = 1;
  return weights;
}

/** @throws SlmError SHAPE_MISMATCH if the tokens do not form the grid, or the shift moves all tokens out of it. */
export function checkShift({ height, width, down, across }: GridShift, tokens: number): void {
  if (height * width === tokens && Math.abs(down) < height && Math.abs(across) < width) return;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `shiftGrid: ${tokens} tokens as ${height} x ${width}, shifted by ${down} and ${across}`,
  );
}

/** @throws SlmError SHAPE_MISMATCH unless there is one weight per pair of output and input token. */
export function checkMix(weights: Float32Array, outputs: number, tokens: number): void {
  if (weights.length === outputs * tokens) return;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `mixTokens: ${outputs} outputs of ${tokens} tokens need ${outputs * tokens} weights, got ${weights.length}`,
  );
}
