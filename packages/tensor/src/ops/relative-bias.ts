/**
 * Biases of attention scores by the distance of key and query, with one table row per bucket of distances.
 *
 * Source: Raffel et al. 2020 (arXiv:1910.10683), section 2.1; buckets as in transformers 4.57 (`T5Attention._relative_position_bucket`), in
 * float32.
 */
import { SlmError } from "@slm/core";
import { tf, type Tensor } from "../recording/tf.js";
import { expectShape } from "./shape-check.js";
import type { HeadLayout, PositionAttributes, RelativeBuckets } from "./signatures.js";

/** A bias table `[buckets, heads]`, and how distances share its rows. */
interface RelativeBias extends RelativeBuckets {
  readonly table: Tensor;
}

/**
 * The bucket of a distance.
 *
 * @param distance position of the key minus position of the query; above 0 only if attention is bidirectional
 */
export function relativeBucket(
  distance: number,
  { buckets, maxDistance }: RelativeBuckets,
  isBidirectional: boolean,
): number {
  const own = isBidirectional ? Math.floor(buckets / 2) : buckets;
  const first = isBidirectional && distance > 0 ? own : 0;
  const far = isBidirectional ? Math.abs(distance) : Math.max(0, -distance);
  const exact = Math.floor(own / 2);
  if (far < exact) return first + far;
  const round = Math.fround;
  const ratio = round(round(Math.log(round(far / exact))) / round(Math.log(maxDistance / exact)));
  return first + Math.min(own - 1, exact + Math.trunc(round(ratio * (own - exact))));
}

/** The bias table of attention; undefined without a relative bias. @throws SlmError UNEXPECTED or SHAPE_MISMATCH if it does not fit. */
export function checkRelative(
  op: string,
  table: Tensor | undefined,
  { heads, relative }: HeadLayout & PositionAttributes,
): RelativeBias | undefined {
  if (table === undefined && relative === undefined) return undefined;
  if (table === undefined || relative === undefined)
    throw new SlmError("UNEXPECTED", `${op}: a relative bias needs a table and its buckets`);
  expectShape(op, "relativeBias", table, [relative.buckets, heads]);
  return { ...relative, table };
}

/** Rows of the table by distance, `[distances, heads]`: a product with a constant, so its gradient is a product too. */
function rowsOf({ table, ...shape }: RelativeBias, distances: readonly number[], isBoth: boolean): Tensor {
  const chosen = new Float32Array(distances.length * shape.buckets);
  distances.forEach((distance, row) => {
    chosen[row * shape.buckets + relativeBucket(distance, shape, isBoth)] = 1;
  });
  return tf.matMul(tf.tensor2d(chosen, [distances.length, shape.buckets]), table);
}

/** Moves heads to the first axis, `[heads, ...]`, split into the KV heads and groups of the scores. */
function byKvHead(x: Tensor, { heads, kvHeads, headOrder }: HeadLayout, rest: readonly number[]): Tensor {
  const group = heads / kvHeads;
  if (headOrder === "grouped") return tf.reshape(x, [1, kvHeads, group, ...rest]);
  const apart = tf.reshape(x, [1, group, kvHeads, ...rest]);
  return tf.transpose(apart, [0, 2, 1, ...rest.map((_, axis) => axis + 3)]);
}

/**
 * Biases of a whole sequence: `[1, kvHeads, group, length, length]`. Repeats the biases w of all distances, with a period of 2·length, and
 * splits them into rows of 2·length - 1, so that row i starts with w at distance -i.
 */
export function sequenceRelativeBias(
  relative: RelativeBias,
  layout: HeadLayout & { readonly causal: boolean },
  length: number,
): Tensor {
  const period = 2 * length;
  const distances = Array.from({ length: period }, (_, at) => (at < length ? at : at - period));
  const own = tf.transpose(rowsOf(relative, distances, !layout.causal));
  const repeated = tf.slice(tf.tile(own, [1, length]), [0, 0], [layout.heads, length * (period - 1)]);
  const rows = tf.reshape(repeated, [layout.heads, length, period - 1]);
  const square = tf.slice(rows, [0, 0, 0], [layout.heads, length, length]);
  return byKvHead(square, layout, [length, length]);
}

/**
 * Biases of one new position per row over a cache: `[batch, kvHeads, group, 1, keys]`.
 *
 * @param distances from each key to the new position, int32 `[batch, keys]`; the caller masks later positions
 */
export function cachedRelativeBias(
  relative: RelativeBias,
  layout: HeadLayout & { readonly capacity: number },
  distances: Tensor,
): Tensor {
  const [batch, keys] = distances.shape as [number, number];
  const { heads, kvHeads, capacity, headOrder } = layout;
  const past = Array.from({ length: capacity }, (_, at) => -at);
  const rows = tf.gather(rowsOf(relative, past, false), tf.maximum(distances, tf.scalar(0, "int32")));
  const group = heads / kvHeads;
  const isGrouped = headOrder === "grouped";
  const apart = tf.reshape(rows, [batch, keys, ...(isGrouped ? [kvHeads, group] : [group, kvHeads])]);
  const moved = tf.transpose(apart, isGrouped ? [0, 2, 3, 1] : [0, 3, 2, 1]);
  return tf.reshape(moved, [batch, kvHeads, group, 1, keys]);
}

/** Biases of one new position over the last `keys` positions, including its own: `[1, kvHeads, group, 1, keys]`. */
export function grownRelativeBias(relative: RelativeBias, layout: HeadLayout, keys: number): Tensor {
  const distances = Array.from({ length: keys }, (_, key) => key + 1 - keys);
  return byKvHead(tf.transpose(rowsOf(relative, distances, false)), layout, [1, keys]);
}
