/** Elementwise pieces of gated blocks and capped logits; their gradients are those of the tfjs ops they are made of. */
import { tf } from "../tf.js";
import { defineOp } from "./lowering.js";

/** Source: Elfwing, Uchibe and Doya 2018 (arXiv:1702.03118), section 2.2; as a gate Shazeer 2020 (arXiv:2002.05202). */
export const silu = defineOp("silu", ({ x }) =>
  tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const [input, save] = args as [tf.Tensor, tf.GradSaveFunc];
    const gate = tf.sigmoid(input);
    const value = tf.mul(input, gate);
    save([gate, value]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [savedGate, savedValue] = saved as [tf.Tensor, tf.Tensor];
        return tf.mul(dy, tf.add(savedGate, tf.mul(savedValue, tf.sub(1, savedGate))));
      },
    };
  })(x),
);

/** Slope of the sigmoid that stands in for the normal distribution. */
export const QUICK_GELU_SLOPE = 1.702;

/** Source: Hendrycks and Gimpel 2016 (arXiv:1606.08415), section 2. */
export const quickGelu = defineOp("quickGelu", ({ x }) =>
  tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const [input, save] = args as [tf.Tensor, tf.GradSaveFunc];
    const gate = tf.sigmoid(tf.mul(input, QUICK_GELU_SLOPE));
    const value = tf.mul(input, gate);
    save([gate, value]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [savedGate, savedValue] = saved as [tf.Tensor, tf.Tensor];
        const slope = tf.mul(tf.mul(savedValue, QUICK_GELU_SLOPE), tf.sub(1, savedGate));
        return tf.mul(dy, tf.add(savedGate, slope));
      },
    };
  })(x),
);

export const multiply = defineOp("multiply", ({ a, b }) => tf.mul(a, b));

/** Source: Gemma Team 2024 (arXiv:2408.00118), section 2. */
export const softcap = defineOp("softcap", ({ x }, { limit }) =>
  tf.mul(tf.tanh(tf.mul(x, 1 / limit)), limit),
);
