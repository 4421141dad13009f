/**
 * The frame of every loss between two distributions over the vocabulary: temperature, mask, mean, and a backward pass
 * written by hand, so that each loss states only its value per position and its slope.
 */
import { SlmError } from "@slm/core";
import { tf, type Tensor } from "../../tf.js";
import { column, maskedMean, rowDot, type MaskedLogits, type GradientArguments } from "./masked-logits.js";

/** One loss at the student's scaled logits z `[positions, vocab]`. */
export interface RowLoss {
  /** The loss of each position, `[positions]`. */
  readonly rows: Tensor;
  /** What `slope` reads. */
  readonly saved: readonly Tensor[];
  /** d rows / d z over `slopeScale`, `[positions, vocab]`; recorded only when a gradient is taken. */
  readonly slope: (saved: readonly Tensor[]) => Tensor;
  /** Multiplied in where it costs no pass over the vocabulary. */
  readonly slopeScale: number;
}

export interface Temperature {
  /** Logits of both sides are divided by it. */
  readonly temperature: number;
  /**
   * The power of the temperature that the loss is multiplied by, so that the size of its gradient does not depend on the
   * temperature: softened distributions approach each other as 1/temperature, and so does a loss that is of first order
   * in their difference, while one of second order shrinks with its square.
   */
  readonly power: 1 | 2;
}

/** @throws SlmError CONFIG_INVALID unless `value` lies strictly between the bounds. */
export function expectBetween(name: string, value: number, low: number, high: number): void {
  if (value > low && value < high) return;
  const range = high === Infinity ? `a finite number above ${low}` : `above ${low} and below ${high}`;
  throw new SlmError("CONFIG_INVALID", `losses: ${name} should be ${range}, got ${value}`);
}

/** Logits divided by a temperature; the same tensor at 1. */
export const tempered = (logits: Tensor, temperature: number): Tensor =>
  temperature === 1 ? logits : tf.mul(logits, 1 / temperature);

/** temperature^power · mean over loss tokens of a row loss at logits / temperature, differentiable in the logits. */
export function distributionLoss(
  masked: MaskedLogits,
  { temperature, power }: Temperature,
  rowLoss: (z: Tensor) => RowLoss,
): Tensor {
  expectBetween("temperature", temperature, 0, Infinity);
  const factor = temperature ** power;
  return tf.customGrad((...args: GradientArguments) => {
    const [logits, save] = args as [Tensor, tf.GradSaveFunc];
    const { rows, saved, slope, slopeScale } = rowLoss(tempered(logits, temperature));
    save([masked.mask, masked.count, ...saved]);
    const mean = maskedMean(rows, masked);
    return {
      value: factor === 1 ? mean : tf.mul(mean, factor),
      gradFunc: (dy: Tensor, kept: Tensor[]) => {
        const [mask, count, ...rest] = kept as [Tensor, Tensor, ...Tensor[]];
        const perToken = tf.div(tf.mul(dy, (slopeScale * factor) / temperature), count);
        return tf.mul(slope(rest), tf.mul(column(mask), perToken));
      },
    };
  })(masked.logits);
}

/**
 * The slope through a softmax: q ∘ (g - sum over the vocabulary of q·g), with q = softmax(z) and g the loss's slope with
 * respect to q, to which any number may be added.
 *
 * @param inner sum of q·g by position, when the forward pass has it.
 */
export const throughSoftmax = (q: Tensor, g: Tensor, inner: Tensor = rowDot(q, g)): Tensor =>
  tf.mul(q, tf.sub(g, column(inner)));
