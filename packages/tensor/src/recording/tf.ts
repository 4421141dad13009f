/**
 * The only import of TensorFlow.js. It needs the union package, because `tfjs-core` alone registers no gradients. Production mode silences its
 * banner and per-op checks; slm's own ops check shapes.
 */
import * as tf from "@tensorflow/tfjs";

tf.enableProdMode();

export { tf };

/** A tensor of the active backend: an eager value, or a recorded graph value. */
export type Tensor = tf.Tensor;
