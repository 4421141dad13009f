/** Cross-entropy with labels and with whole distributions. */
import { tf, type Tensor } from "../../recording/tf.js";
import {
  column,
  maskedMean,
  logProbabilities,
  rowDot,
  type MaskedLogits,
  type GradientArguments,
} from "../masked-logits.js";

/**
 * Mean negative log-likelihood of the labels [nats per loss token], optionally smoothed towards uniform.
 *
 * Shapes: labels int32 `[positions]` -> scalar.
 */
export function crossEntropy(masked: MaskedLogits, labels: Tensor, labelSmoothing = 0): Tensor {
  const vocab = masked.logits.shape.at(-1)!;
  const off = labelSmoothing / vocab;
  // The default dtype, int32, would round the smoothed values to zero.
  const hot = tf.oneHot(tf.cast(labels, "int32"), vocab, 1 - labelSmoothing + off, off, "float32");
  return softTargetCrossEntropy(masked, hot);
}

/**
 * - sum over the vocabulary of target · log softmax(logits), averaged over loss tokens.
 *
 * Shapes: targets `[positions, vocab]`, rows summing to 1. Gradient: (softmax(logits) - targets) · mask / count.
 */
export function softTargetCrossEntropy(masked: MaskedLogits, targets: Tensor): Tensor {
  return tf.customGrad((...args: GradientArguments) => {
    const [logits, save] = args as [Tensor, tf.GradSaveFunc];
    const studentLog = logProbabilities(logits);
    // Save every tensor that the backward pass reads: eager engines free all other tensors of the forward pass before it.
    save([studentLog, targets, masked.mask, masked.count]);
    return {
      value: tf.neg(maskedMean(rowDot(targets, studentLog), masked)),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [savedLog, savedTargets, mask, count] = saved as [Tensor, Tensor, Tensor, Tensor];
        return tf.mul(tf.sub(tf.exp(savedLog), savedTargets), tf.mul(column(mask), tf.div(dy, count)));
      },
    };
  })(masked.logits);
}
