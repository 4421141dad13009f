/** Connectionist temporal classification (CTC): the loss of a label sequence that is shorter than its frames, without alignment. */
import { expectShape } from "../shape-check.js";
import { tf, type Tensor } from "../../recording/tf.js";
import { maskedMean, type GradientArguments } from "../masked-logits.js";

/**
 * The labels of a batch as CTC states. A row of n labels has 2n + 1 states: blank, first label, blank, ..., last label, blank. Each
 * frame stays in its state, moves to the next, or skips a blank between two different labels.
 */
export interface CtcInputs {
  /** `[batch, frames, vocab]` */
  readonly logits: Tensor;
  /** `[batch, states, vocab]`: one-hot token of each state; zeros beyond a row's states. */
  readonly states: Tensor;
  /** `[batch, states]`: 1 where a state may follow the one two before it. */
  readonly skip: Tensor;
  /** `[batch, states]`: 1 at a row's last two states. */
  readonly end: Tensor;
  /** `[batch]`: 1 for rows that count, 0 for rows that have no labels or more labels than frames. */
  readonly mask: Tensor;
  /** Scalar: labels of the counted rows. */
  readonly count: Tensor;
}

/** Represents log 0. It is finite, and so is a sum of a few of them. */
const NEVER = -1e9;

/**
 * Negative log-likelihood of the labels, summed over all alignments and rows, per label [nats].
 *
 * The forward recursion uses log-probabilities, so gradients stay exact for tiny probabilities. Output: a scalar.
 * Source: Graves et al. 2006, sections 3 and 4 ("Connectionist temporal classification", ICML).
 *
 * @throws SlmError SHAPE_MISMATCH with the tensor that has the wrong shape.
 */
export function ctc({ logits, states, skip, end, mask, count }: CtcInputs): Tensor {
  const [batch, frames, vocab] = logits.shape as [number, number, number];
  const length = states.shape[1]!;
  expectShape("ctc", "states", states, [batch, null, vocab]);
  expectShape("ctc", "skip", skip, [batch, length]);
  expectShape("ctc", "end", end, [batch, length]);
  expectShape("ctc", "mask", mask, [batch]);
  const read = tf.matMul(tf.logSoftmax(logits), states, false, true);
  const [first, ...others] = tf
    .split(read, new Array<number>(frames).fill(1), 1)
    .map((frame) => tf.reshape(frame, [batch, length]));
  const begin = Array.from({ length }, (_, state) => (state < 2 ? 0 : NEVER));
  const before = tf.fill([batch, 2], NEVER);
  const cannotSkip = neverUnless(skip);
  let reached = tf.add(first!, tf.tensor2d(begin, [1, length]));
  for (const reads of others) {
    // Shifted by one state, and by two.
    const padded = tf.concat([before, reached], 1);
    const next = tf.slice(padded, [0, 1], [batch, length]);
    const over = tf.add(tf.slice(padded, [0, 0], [batch, length]), cannotSkip);
    reached = tf.add(logAddExp(reached, next, over), reads);
  }
  const ends = tf.add(reached, neverUnless(end));
  const most = tf.max(ends, 1, true);
  const total = tf.add(tf.log(tf.sum(tf.exp(tf.sub(ends, most)), 1, true)), most);
  return maskedMean(tf.reshape(tf.neg(total), [batch]), { mask, count });
}

/** 0 where a flag is 1, else {@link NEVER}. */
const neverUnless = (flag: Tensor): Tensor => tf.mul(tf.sub(1, flag), NEVER);

/** log(eᵃ + eᵇ + eᶜ), elementwise; its gradients are the shares of the sum. */
function logAddExp(a: Tensor, b: Tensor, c: Tensor): Tensor {
  return tf.customGrad((...args: GradientArguments) => {
    const [x, y, z, save] = args as [Tensor, Tensor, Tensor, tf.GradSaveFunc];
    const most = tf.maximum(tf.maximum(x, y), z);
    const sum = [x, y, z]
      .map((part) => tf.exp(tf.sub(part, most)))
      .reduce((left, right) => tf.add(left, right));
    const value: Tensor = tf.add(most, tf.log(sum));
    save([x, y, z, value]);
    return {
      value,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const whole = saved[3]!;
        return saved.slice(0, 3).map((part) => tf.mul(dy, tf.exp(tf.sub(part, whole))));
      },
    };
  })(a, b, c);
}
