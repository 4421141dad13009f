/** The largest values of each row in order, and values put back to where they came from. */
import { int } from "@slm/onnx";
import { activeRecorder } from "../../recording/recorder.js";
import { tf, type Tensor } from "../../tf.js";

export interface RankedRows {
  /** Largest first; equal values keep their order. `[rows, ranks]` */
  readonly values: Tensor;
  /** Where each value came from, int32 `[rows, ranks]`. */
  readonly places: Tensor;
}

/** The `ranks` largest values of each row of x `[rows, size]`. */
export function rankRows(x: Tensor, ranks: number): RankedRows {
  const { values, indices } = tf.topk(x, ranks, true);
  return { values, places: indices };
}

/**
 * Ranked values back in their places: out[row, places[row, i]] = ranked[row, i], zero elsewhere.
 *
 * Places are distinct within a row, so no two values meet and the order of writing does not matter.
 *
 * Shapes: ranked and places `[rows, ranks]` -> `[rows, size]`.
 */
export function unrankRows(ranked: Tensor, places: Tensor, size: number): Tensor {
  const [rows, ranks] = ranked.shape as [number, number];
  const recorder = activeRecorder();
  if (recorder !== undefined) {
    const zeros = recorder.fill(0, [rows, size], "float32");
    return recorder.record("ScatterElements", [zeros, places, ranked], [rows, size], {
      attributes: { axis: int(-1) },
    });
  }
  const starts = tf.mul(tf.reshape(tf.range(0, rows, 1, "int32"), [rows, 1]), tf.scalar(size, "int32"));
  const flatPlaces = tf.reshape(tf.add(places, starts), [rows * ranks, 1]);
  const flat = tf.scatterND(flatPlaces, tf.reshape(ranked, [rows * ranks]), [rows * size]);
  return tf.reshape(flat, [rows, size]);
}
