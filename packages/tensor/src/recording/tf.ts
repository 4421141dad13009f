/**
 * The one import of TensorFlow.js. The union package is needed: bare `tfjs-core` registers no gradients.
 * Production mode silences its banner and per-op checks; shapes are checked by our own ops.
 */
import * as tf from "@tensorflow/tfjs";

tf.enableProdMode();

export { tf };

/** A tensor of whatever backend is active: eager values, or a recorded graph value. */
export type Tensor = tf.Tensor;
