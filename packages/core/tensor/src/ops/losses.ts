/**
 * Losses over next-token logits. All are sums over counted positions divided by a given number of counted tokens,
 * so padding never dilutes them; logits of any size are safe because only log-softmax is exponentiated.
 */
import { int } from "@slm/graph";
import { activeRecorder } from "../recording/recorder.js";
import { tf, type Tensor } from "../tf.js";

export interface CountedLogits {
  /** `[positions, vocab]` */
  readonly logits: Tensor;
  /** `[positions]`: 1 counted, 0 not. */
  readonly mask: Tensor;
  /** Scalar: how many positions count over the whole batch. */
  readonly count: Tensor;
}

/**
 * log softmax over the last axis, one operator when recorded. Gradient: dy - softmax · sum(dy).
 */
export function logSoftmax(x: Tensor): Tensor {
  return tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const [logits, save] = args as [Tensor, tf.GradSaveFunc];
    const value = logProbabilitiesOf(logits);
    save([value]);
    return {
      value,
      gradFunc: (dy: Tensor, saved: Tensor[]) => tf.sub(dy, tf.mul(tf.exp(saved[0]!), tf.sum(dy, -1, true))),
    };
  })(x);
}

function logProbabilitiesOf(logits: Tensor): Tensor {
  const recorder = activeRecorder();
  if (recorder === undefined) return tf.logSoftmax(logits);
  return recorder.record("LogSoftmax", [logits], logits.shape, { attributes: { axis: int(-1) } });
}

const column = (mask: Tensor): Tensor => tf.reshape(mask, [-1, 1]);

/**
 * Mean over counted positions of a per-element quantity summed over the vocabulary. The vocabulary is summed first, so
 * that the mask costs a pass over positions and not over logits.
 */
const countedMean = (terms: Tensor, { mask, count }: CountedLogits): Tensor =>
  tf.div(tf.sum(tf.mul(tf.sum(terms, -1), mask)), count);

/**
 * Mean negative log-likelihood of the labels [nats per counted token], optionally smoothed towards uniform.
 *
 * Shapes: labels int32 `[positions]` -> scalar.
 */
export function crossEntropy(counted: CountedLogits, labels: Tensor, labelSmoothing = 0): Tensor {
  const vocab = counted.logits.shape.at(-1)!;
  const off = labelSmoothing / vocab;
  // The dtype must be said: the default, int32, would round the smoothed values to zero.
  const hot = tf.oneHot(tf.cast(labels, "int32"), vocab, 1 - labelSmoothing + off, off, "float32");
  return softTargetCrossEntropy(counted, hot);
}

/**
 * - sum over the vocabulary of target · log softmax(logits), averaged over counted positions.
 *
 * Shapes: targets `[positions, vocab]`, rows summing to 1. Gradient: (softmax(logits) - targets) · mask / count.
 */
export function softTargetCrossEntropy(counted: CountedLogits, targets: Tensor): Tensor {
  return tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const [logits, save] = args as [Tensor, tf.GradSaveFunc];
    const logProbabilities = logProbabilitiesOf(logits);
    // Everything the backward pass reads is saved: eager engines free the forward pass's other tensors before it.
    save([logProbabilities, targets, counted.mask, counted.count]);
    return {
      value: tf.neg(countedMean(tf.mul(targets, logProbabilities), counted)),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [savedLog, savedTargets, mask, count] = saved as [Tensor, Tensor, Tensor, Tensor];
        return tf.mul(tf.sub(tf.exp(savedLog), savedTargets), tf.mul(column(mask), tf.div(dy, count)));
      },
    };
  })(counted.logits);
}

/**
 * Forward Kullback-Leibler divergence KL(teacher || student) [nats per counted token].
 *
 * Shapes: teacherLogits `[positions, vocab]` -> scalar.
 * Source: Hinton, Vinyals, Dean 2015 (arXiv:1503.02531); temperature 1 as in arXiv:2501.16273.
 */
export function forwardKl(counted: CountedLogits, teacherLogits: Tensor): Tensor {
  const teacherLog = logSoftmax(teacherLogits);
  const teacher = tf.exp(teacherLog);
  const negativeEntropy = countedMean(tf.mul(teacher, teacherLog), counted);
  return tf.add(softTargetCrossEntropy(counted, teacher), negativeEntropy);
}

/** Reverse Kullback-Leibler divergence KL(student || teacher) [nats per counted token]. */
export function reverseKl(counted: CountedLogits, teacherLogits: Tensor): Tensor {
  const studentLog = logSoftmax(counted.logits);
  return countedMean(tf.mul(tf.exp(studentLog), tf.sub(studentLog, logSoftmax(teacherLogits))), counted);
}
