/** Which keys a query attends to: masks of 0 and 1, and the biases that hide the other keys. */
import { tf, type Tensor } from "../recording/tf.js";

/** Added to the score of a masked key, so that its exp is zero in float32. */
export const MASKED = -1e9;

/** 1 where a position is below its row's length: lengths int32 `[batch]` -> `[batch, size]`. */
export function lengthMask(lengths: Tensor, size: number): Tensor {
  const positions = tf.tensor2d(
    Int32Array.from({ length: size }, (_, i) => i),
    [1, size],
    "int32",
  );
  return tf.cast(tf.less(positions, tf.reshape(lengths, [-1, 1])), "float32");
}

/** (1 - allowed) · MASKED: the bias that, added to scores, masks all keys that are not allowed. */
export const maskBias = (allowed: Tensor): Tensor => tf.mul(tf.sub(1, allowed), MASKED);

/** 1 where position `row` attends to position `column`, fewer than `window` before it or at most `after` after it: `[1, 1, 1, length, length]`. */
export function windowMask(length: number, window: number, after = window - 1): Tensor {
  const values = Float32Array.from({ length: length * length }, (_, at) => {
    const before = Math.floor(at / length) - (at % length);
    return before < window && -before <= after ? 1 : 0;
  });
  return tf.tensor(values, [1, 1, 1, length, length]);
}

/** 1 where position `row` attends to position `column`, `[1, 1, 1, length, length]`. */
export function causalMask(length: number, window = length): Tensor {
  const values = new Float32Array(length * length);
  for (let row = 0; row < length; row++)
    values.fill(1, row * length + Math.max(0, row + 1 - window), row * length + row + 1);
  return tf.tensor(values, [1, 1, 1, length, length]);
}
