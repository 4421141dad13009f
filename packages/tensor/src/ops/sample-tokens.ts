/** Draws next tokens inside a program, so that one run can generate many positions. */
import { activeRecorder } from "../recording/recorder.js";
import { tf, type Tensor } from "../recording/tf.js";
import { expectShape } from "./shape-check.js";

export interface SampleTokensOptions {
  /** Divides the logits; above 0. */
  readonly temperature: number;
  /** Draw only among this many most probable tokens; ties with the last of them are kept too. */
  readonly topK: number;
}

/**
 * Draws one token per row by inverting the cumulative distribution: the first token whose cumulative probability, in
 * the order of ids, exceeds the row's uniform number.
 *
 * Shapes: logits `[rows, vocab]`, uniform `[rows, 1]` in [0, 1) -> int32 `[rows, 1]`. No gradient.
 */
export function sampleTokens(
  logits: Tensor,
  uniform: Tensor,
  { temperature, topK }: SampleTokensOptions,
): Tensor {
  const [rows, vocab] = logits.shape as [number, number];
  expectShape("sampleTokens", "uniform", uniform, [rows, 1]);
  const probabilities = tf.softmax(temperature === 1 ? logits : tf.mul(logits, 1 / temperature));
  const kept = topK >= vocab ? probabilities : keepLargest(probabilities, topK);
  const passed = cumulativeSum(kept);
  const total = tf.slice(passed, [0, vocab - 1], [rows, 1]);
  const isBefore = tf.lessEqual(passed, tf.mul(uniform, total));
  // Rounding cannot lift a number below one to the total, so the index is in range; the minimum guarantees it.
  return tf.minimum(tf.sum(tf.cast(isBefore, "int32"), 1, true), tf.scalar(vocab - 1, "int32"));
}

/** Zeroes all but the `count` largest of each row. */
function keepLargest(x: Tensor, count: number): Tensor {
  const { values } = tf.topk(x, count, true);
  const least = tf.slice(values, [0, count - 1], [x.shape[0], 1]);
  return tf.mul(x, tf.cast(tf.greaterEqual(x, least), "float32"));
}

function cumulativeSum(x: Tensor): Tensor {
  const recorder = activeRecorder();
  if (recorder === undefined) return tf.cumsum(x, 1);
  return recorder.record("CumSum", [x, recorder.builder.constant("int32", [], [1])], x.shape);
}
