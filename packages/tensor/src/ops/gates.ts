/** Elementwise ops of gated blocks and capped logits; tfjs derives their gradients. */
import { tf } from "../recording/tf.js";
import { defineOp } from "./lowering.js";

/**
 * x * sigmoid(slope * x). With sigmoid g and value y, the derivative is g + slope * y * (1 - g), so the backward pass needs no other
 * transcendental function.
 */
function swish(x: tf.Tensor, slope: number): tf.Tensor {
  const scaled = (value: tf.Tensor): tf.Tensor => (slope === 1 ? value : tf.mul(value, slope));
  return tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const [input, save] = args as [tf.Tensor, tf.GradSaveFunc];
    const gate = tf.sigmoid(scaled(input));
    const value = tf.mul(input, gate);
    save([gate, value]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [savedGate, savedValue] = saved as [tf.Tensor, tf.Tensor];
        return tf.mul(dy, tf.add(savedGate, tf.mul(scaled(savedValue), tf.sub(1, savedGate))));
      },
    };
  })(x);
}

/** Source: Elfwing, Uchibe and Doya 2018 (arXiv:1702.03118), section 2.2; as a gate Shazeer 2020 (arXiv:2002.05202). */
export const silu = defineOp("silu", ({ x }) => swish(x, 1));

/** Slope of the sigmoid that approximates the normal distribution function. */
export const QUICK_GELU_SLOPE = 1.702;

/** Source: Hendrycks and Gimpel 2016 (arXiv:1606.08415), section 2. */
export const quickGelu = defineOp("quickGelu", ({ x }) => swish(x, QUICK_GELU_SLOPE));

const SQRT_2_PI = Math.sqrt(2 * Math.PI);

/**
 * With Φ the distribution function and φ the density of the normal distribution: d(x · Φ(x)) = Φ(x) + x · φ(x).
 * Source: Hendrycks and Gimpel 2016 (arXiv:1606.08415), section 2.
 */
export const erfGelu = defineOp("erfGelu", ({ x }) =>
  tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const [input, save] = args as [tf.Tensor, tf.GradSaveFunc];
    const share = tf.mul(tf.add(tf.erf(tf.mul(input, Math.SQRT1_2)), 1), 0.5);
    save([input, share]);
    return {
      value: tf.mul(input, share),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [savedX, savedShare] = saved as [tf.Tensor, tf.Tensor];
        const density = tf.mul(tf.exp(tf.mul(tf.square(savedX), -0.5)), 1 / SQRT_2_PI);
        return tf.mul(dy, tf.add(savedShare, tf.mul(savedX, density)));
      },
    };
  })(x),
);

/** The slope at 0 is 0. */
export const relu = defineOp("relu", ({ x }) =>
  tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const [input, save] = args as [tf.Tensor, tf.GradSaveFunc];
    save([input]);
    return {
      value: tf.maximum(input, 0),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        tf.mul(dy, tf.cast(tf.greater(saved[0]!, 0), "float32")),
    };
  })(x),
);

export const multiply = defineOp("multiply", ({ a, b }) => tf.mul(a, b));

/** Source: Gemma Team 2024 (arXiv:2408.00118), section 2. */
export const softcap = defineOp("softcap", ({ x }, { limit }) =>
  tf.mul(tf.tanh(tf.mul(x, 1 / limit)), limit),
);
