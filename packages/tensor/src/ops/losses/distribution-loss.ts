/**
 * The shared part of every loss between two distributions over the vocabulary: temperature, mask, mean, and a hand-written backward pass. Each
 * loss defines only its value per position and its slope.
 */
import { SlmError } from "@slm/core";
import { tf, type Tensor } from "../../recording/tf.js";
import { column, maskedMean, rowDot, type MaskedLogits, type GradientArguments } from "../masked-logits.js";

/** One loss at the student's scaled logits z `[positions, vocab]`. */
export interface RowLoss {
  /** The loss of each position, `[positions]`. */
  readonly rows: Tensor;
  /** Tensors that `slope` reads. */
  readonly saved: readonly Tensor[];
  /** d rows / d z over `slopeScale`, `[positions, vocab]`; recorded only when a gradient is taken. */
  readonly slope: (saved: readonly Tensor[]) => Tensor;
  /** Factor of the slope, applied where it needs no pass over the vocabulary. */
  readonly slopeScale: number;
}

/** @throws SlmError CONFIG_INVALID unless `value` is strictly between the bounds. */
export function expectBetween(name: string, value: number, low: number, high: number): void {
  if (value > low && value < high) return;
  const range = high === Infinity ? `a finite number above ${low}` : `above ${low} and below ${high}`;
  throw new SlmError("CONFIG_INVALID", `losses: ${name} should be ${range}, got ${value}`);
}

/** Logits divided by a temperature; the same tensor at 1. */
export const tempered = (logits: Tensor, temperature: number): Tensor =>
  temperature === 1 ? logits : tf.mul(logits, 1 / temperature);

/**
 * temperature² · mean over loss tokens of a row loss at logits / temperature, differentiable in the logits. The difference of softened
 * distributions shrinks as 1/temperature and a divergence as its square, so the factor keeps the size of the gradient.
 *
 * @param temperature teacher and student logits are divided by it
 */
export function distributionLoss(
  masked: MaskedLogits,
  temperature: number,
  rowLoss: (z: Tensor) => RowLoss,
): Tensor {
  expectBetween("temperature", temperature, 0, Infinity);
  const factor = temperature ** 2;
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
 * The gradient through a softmax: q ∘ (g - sum over the vocabulary of q·g), with q = softmax(z) and g the gradient with respect to q. Adding a
 * constant to g does not change it.
 *
 * @param inner sum of q·g by position, if the forward pass has computed it.
 */
export const throughSoftmax = (q: Tensor, g: Tensor, inner: Tensor = rowDot(q, g)): Tensor =>
  tf.mul(q, tf.sub(g, column(inner)));
