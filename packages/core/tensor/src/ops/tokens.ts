/** Ops that change how many tokens there are: image tokens before text, parts of a sequence, pooled grids. */
import { SlmError } from "@slm/error";
import { tf } from "../tf.js";
import { defineOp } from "./lowering.js";
import { expectShape } from "./shape-check.js";

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

/** @throws SlmError SHAPE_MISMATCH when the weights are not one for each pair of an output and an input token. */
export function checkMix(weights: Float32Array, outputs: number, tokens: number): void {
  if (weights.length === outputs * tokens) return;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `mixTokens: ${outputs} outputs of ${tokens} tokens need ${outputs * tokens} weights, got ${weights.length}`,
  );
}
