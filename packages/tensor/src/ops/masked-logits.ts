/**
 * The shared part of all losses over next-token logits. Sums over loss tokens are divided by a given number of loss tokens, so padding never
 * dilutes them. Only the results of log-softmax are exponentiated, so logits may be large.
 */
import { logSoftmax } from "../recording/dialect-operators.js";
import { activeRecorder } from "../recording/recorder.js";
import { tf, type Tensor } from "../recording/tf.js";

export interface MaskedLogits {
  /** `[positions, vocab]` */
  readonly logits: Tensor;
  /** `[positions]`: 1 for a loss token, 0 for padding. */
  readonly mask: Tensor;
  /** Scalar: number of loss tokens in the whole batch. */
  readonly count: Tensor;
}

/** Arguments of a customGrad function: tensors, then a function that saves tensors for the backward pass. */
export type GradientArguments = (Tensor | tf.GradSaveFunc)[];

/** log softmax over the last axis, one operator when recorded. For use inside a hand-written gradient. */
export function logProbabilities(logits: Tensor): Tensor {
  const recorder = activeRecorder();
  if (recorder === undefined) return tf.logSoftmax(logits);
  return recorder.tensor(logSoftmax(recorder, logits, -1), logits.shape);
}

/** `[positions]` -> `[positions, 1]`. */
export const column = (x: Tensor): Tensor => tf.reshape(x, [-1, 1]);

/**
 * Sum over the last axis of a · b for each position, as a batch of products of one row with one column: a single pass
 * that writes no product of the operands' size.
 *
 * Shapes: a and b `[positions, size]` -> `[positions]`.
 */
export function rowDot(a: Tensor, b: Tensor): Tensor {
  const [positions, size] = a.shape as [number, number];
  const rows = (x: Tensor): Tensor => tf.reshape(x, [positions, 1, size]);
  return tf.reshape(tf.matMul(rows(a), rows(b), false, true), [positions]);
}

/** Mean over loss tokens of one number per position. */
export const maskedMean = (
  rows: Tensor,
  { mask, count }: { readonly mask: Tensor; readonly count: Tensor },
): Tensor => tf.div(tf.sum(tf.mul(rows, mask)), count);
