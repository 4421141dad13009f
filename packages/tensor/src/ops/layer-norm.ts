/** The norm of vision towers: forward by tfjs ops or one fused node, backward written by hand. */
import { float, int } from "@slm/onnx";
import { activeRecorder } from "../recording/recorder.js";
import { tf, type Tensor } from "../recording/tf.js";
import { defineOp } from "./lowering.js";
import { expectShape } from "./shape-check.js";

/**
 * Layer norm over the last axis.
 *
 * Source: Ba, Kiros and Hinton 2016 (arXiv:1607.06450), equation 4, epsilon inside the root.
 * Gradient, with n the normalised x, r = 1/deviation and g = w·dy: dx = r·(g - mean(g) - n·mean(g·n)), dw = sum of dy·n over
 * rows, db = sum of dy over rows.
 */
export const layerNorm = defineOp("layerNorm", ({ x, weight, bias }, { epsilon }) => {
  const width = x.shape.at(-1)!;
  expectShape("layerNorm", "weight", weight, [width]);
  expectShape("layerNorm", "bias", bias, [width]);
  const normed = tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const [flat, gain, shift, save] = args as [Tensor, Tensor, Tensor, tf.GradSaveFunc];
    const { y, mean, inverse } = normalize(flat, gain, shift, epsilon);
    save([flat, gain, mean, inverse]);
    return {
      value: y,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [savedX, savedGain, savedMean, savedInverse] = saved as [Tensor, Tensor, Tensor, Tensor];
        const centered = tf.mul(tf.sub(savedX, savedMean), savedInverse);
        const along = tf.mul(dy, savedGain);
        const shrink = tf.mul(centered, tf.mean(tf.mul(along, centered), -1, true));
        const dx = tf.mul(savedInverse, tf.sub(tf.sub(along, tf.mean(along, -1, true)), shrink));
        return [dx, tf.sum(tf.mul(dy, centered), 0), tf.sum(dy, 0)];
      },
    };
  })(tf.reshape(x, [x.size / width, width]), weight, bias);
  return tf.reshape(normed, x.shape);
});

function normalize(
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  epsilon: number,
): { y: Tensor; mean: Tensor; inverse: Tensor } {
  const recorder = activeRecorder();
  if (recorder?.dialect.normStatistics !== true) {
    const mean = tf.mean(x, -1, true);
    const centered = tf.sub(x, mean);
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centered), -1, true), epsilon));
    return { y: tf.add(tf.mul(tf.mul(centered, inverse), weight), bias), mean, inverse };
  }
  const [y, mean, inverse] = recorder.builder.node(
    "LayerNormalization",
    [x, weight, bias].map((tensor) => recorder.nameOf(tensor)),
    { attributes: { axis: int(-1), epsilon: float(epsilon), stash_type: int(1) }, outputs: 3 },
  ) as [string, string, string];
  const perRow = [x.shape[0], 1];
  return {
    y: recorder.tensor(y, x.shape),
    mean: recorder.tensor(mean, perRow),
    inverse: recorder.tensor(inverse, perRow),
  };
}
