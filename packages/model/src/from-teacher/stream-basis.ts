/** Bases with fewer dimensions for the states between a teacher's layers: principal components, or a subset of channels. */
import { symmetricEigen } from "./symmetric-eigen.js";

export interface StreamBasis {
  readonly kind: "rotate" | "select";
  readonly width: number;
  /** Maps rows `[rows, teacher width]` to `[rows, width]`; first multiplies columns by an optional gain. */
  rows(values: Float32Array, gain?: Float32Array): Float32Array;
  /** The share of a mean square over the teacher's channels that the basis keeps. */
  keptShare(squares: Float64Array): number;
}

/**
 * The leading principal components of the normalized states.
 *
 * Source: Ashkboos et al. 2024 (arXiv:2401.15024), section 3; here one rotation for all layers, so that residual connections need no
 * matrices.
 *
 * @param gram row major `[from, from]`
 */
export function rotation(gram: Float64Array, from: number, width: number): StreamBasis {
  const { values, vectors } = symmetricEigen(gram, from);
  const total = values.reduce((sum, value) => sum + value, 0);
  const kept = values.subarray(0, width).reduce((sum, value) => sum + value, 0) / total;
  return {
    kind: "rotate",
    width,
    rows: (rows, gain) => product(rows, vectors, { from, width, gain }),
    keptShare: () => kept,
  };
}

/**
 * The channels with the largest values, in order.
 *
 * @param importance of each of the teacher's channels
 */
export function selection(importance: Float64Array, width: number): StreamBasis {
  const from = importance.length;
  const kept = largest(importance, width);
  return {
    kind: "select",
    width,
    rows: (rows, gain) => {
      const chosen = new Float32Array((rows.length / from) * width);
      for (let at = 0; at < chosen.length; at++) {
        const channel = kept[at % width]!;
        chosen[at] = rows[Math.floor(at / width) * from + channel]! * (gain?.[channel] ?? 1);
      }
      return chosen;
    },
    keptShare: (squares) => {
      const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
      return sum(kept.map((channel) => squares[channel]!)) / sum([...squares]);
    },
  };
}

/** Indices of the `count` largest values, in ascending order. */
export function largest(values: ArrayLike<number>, count: number): readonly number[] {
  return Array.from({ length: values.length }, (_, index) => index)
    .sort((a, b) => values[b]! - values[a]! || a - b)
    .slice(0, count)
    .sort((a, b) => a - b);
}

/** rows · diag(gain) times each of the first `width` vectors; row k of `[from, from]` is vector k. */
function product(
  rows: Float32Array,
  vectors: Float64Array,
  {
    from,
    width,
    gain,
  }: { readonly from: number; readonly width: number; readonly gain?: Float32Array | undefined },
): Float32Array {
  const count = rows.length / from;
  const result = new Float32Array(count * width);
  const row = new Float64Array(from);
  const padded = new Float64Array(4 * Math.ceil(width / 4) * from);
  padded.set(vectors.subarray(0, width * from));
  for (let r = 0; r < count; r++) {
    for (let i = 0; i < from; i++) row[i] = rows[r * from + i]! * (gain?.[i] ?? 1);
    // Four vectors at a time, so that each number of the row is read once for them.
    for (let k = 0; k < width; k += 4) {
      const at = k * from;
      let [a, b, c, d] = [0, 0, 0, 0];
      for (let i = 0; i < from; i++) {
        const value = row[i]!;
        a += value * padded[at + i]!;
        b += value * padded[at + from + i]!;
        c += value * padded[at + 2 * from + i]!;
        d += value * padded[at + 3 * from + i]!;
      }
      const sums = [a, b, c, d];
      for (let j = 0; j < 4 && k + j < width; j++) result[r * width + k + j] = sums[j]!;
    }
  }
  return result;
}
