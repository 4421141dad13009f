/**
 * Attention of new positions over up to three segments: a prefix that all rows share, cached positions of each row, and the new positions
 * themselves. No segment is copied, and one product for all rows reads the shared prefix:
 *
 *   scores of query and keys [ prefix | past | fresh ]  ->  softmax  ->  sum of weights · values of each segment
 *
 * For programs that decode with current weights; exported graphs have their own fused operators.
 */
import { SlmError } from "@slm/core";
import { tf, type Tensor } from "../recording/tf.js";
import { checkScores, foldKeyValue, foldQuery, groupOf, scaledScores, unfoldQuery } from "./attend.js";
import { slotsOf } from "./cached-attention.js";
import { causalMask, maskBias } from "./masks.js";
import { rotary, rotaryTable, rotaryTensors, type RotaryTensors } from "./rotary.js";
import { expectShape } from "./shape-check.js";
import type { HeadLayout, Rotation, ScoreAttributes } from "./signatures.js";

/** Keys and values of one layer, rotated. */
interface KeyValue {
  readonly key: Tensor;
  readonly value: Tensor;
}

interface SegmentInputs {
  /** `[batch, fresh, heads·headDim]`, before rotation. */
  readonly query: Tensor;
  /** `[batch, fresh, kvHeads·headDim]`, before rotation. */
  readonly key: Tensor;
  readonly value: Tensor;
  /** The first positions of every row, `[1, kvHeads, prefix, headDim]`. */
  readonly prefix?: KeyValue | undefined;
  /** Positions after the prefix, `[batch, kvHeads, capacity, headDim]`. `lengths` int32 `[batch]` is the number of positions in each row. */
  readonly past?: (KeyValue & { readonly lengths: Tensor }) | undefined;
}

type SegmentAttributes = HeadLayout & Rotation & ScoreAttributes;

interface Segment {
  readonly scores: Tensor;
  readonly weighted: (weights: Tensor) => Tensor;
}

/**
 * Several new positions per row without a past, or one with a past. New positions attend to those before them; no position attends to padding at
 * the end of a row.
 *
 * @returns output `[batch, fresh, heads·headDim]`, and the rotated new keys and values `[batch, fresh, kvHeads·headDim]`.
 */
export function segmentAttention(
  { query, key, value, prefix, past }: SegmentInputs,
  attributes: SegmentAttributes,
): KeyValue & { readonly output: Tensor } {
  const [batch, fresh] = query.shape as [number, number];
  const { heads, kvHeads, headDim, softcap } = attributes;
  checkScores("segmentAttention", attributes);
  expectShape("segmentAttention", "query", query, [batch, fresh, heads * headDim]);
  if (past !== undefined && fresh !== 1)
    throw new SlmError(
      "UNEXPECTED",
      `segmentAttention: expected one new position after a past, got ${fresh}`,
    );
  const begin = prefix?.key.shape[2] ?? 0;
  const group = groupOf(attributes);
  const rotation = rotationOf(begin, fresh, past, attributes);
  const rotatedKey = rotation(key, kvHeads);
  const q = foldQuery(rotation(query, heads), attributes);
  const scale = 1 / Math.sqrt(headDim);
  const scored = (scores: Tensor, bias: Tensor | undefined): Tensor => {
    const capped = softcap === undefined ? scores : tf.mul(tf.tanh(tf.mul(scores, 1 / softcap)), softcap);
    if (bias === undefined) return capped;
    const columns = scores.shape[3]!;
    const apart = tf.reshape(capped, [batch, kvHeads, group, fresh, columns]);
    return tf.reshape(tf.add(apart, bias), capped.shape);
  };
  const own = (keys: Tensor, values: Tensor, bias: Tensor | undefined): Segment => ({
    scores: scored(scaledScores(q, keys, true, scale), bias),
    weighted: (weights) => tf.matMul(weights, values),
  });
  const segments: Segment[] = [];
  if (prefix !== undefined) {
    segments.push({
      scores: scored(
        apartRows(scaledScores(joinedRows(q), joinedRows(prefix.key), true, scale), batch),
        prefixBias(begin, fresh, past?.lengths, attributes),
      ),
      weighted: (weights) => apartRows(tf.matMul(joinedRows(weights), joinedRows(prefix.value)), batch),
    });
  }
  if (past !== undefined) segments.push(own(past.key, past.value, pastBias(past, attributes)));
  const freshBias = fresh === 1 ? undefined : maskBias(causalMask(fresh, attributes.window));
  segments.push(own(foldKeyValue(rotatedKey, attributes), foldKeyValue(value, attributes), freshBias));

  const weights = tf.softmax(concat(segments.map(({ scores }) => scores)));
  const parts = split(
    weights,
    segments.map(({ scores }) => scores.shape[3]!),
  );
  const output = segments
    .map(({ weighted }, index) => weighted(parts[index]!))
    .reduce((sum, part) => tf.add(sum, part));
  return { output: unfoldQuery(output, attributes, fresh), key: rotatedKey, value };
}

const concat = (parts: readonly Tensor[]): Tensor =>
  parts.length === 1 ? parts[0]! : tf.concat([...parts], 3);
const split = (x: Tensor, sizes: readonly number[]): readonly Tensor[] =>
  sizes.length === 1 ? [x] : tf.split(x, [...sizes], 3);

/** `[batch, kvHeads, rows, columns]` -> `[kvHeads, batch·rows, columns]`: all rows against the keys that they share. */
function joinedRows(x: Tensor): Tensor {
  const [batch, kvHeads, rows, columns] = x.shape as [number, number, number, number];
  return tf.reshape(tf.transpose(x, [1, 0, 2, 3]), [kvHeads, batch * rows, columns]);
}

/** The inverse of joinedRows. */
function apartRows(x: Tensor, batch: number): Tensor {
  const [kvHeads, rows, columns] = x.shape as [number, number, number];
  return tf.transpose(tf.reshape(x, [kvHeads, batch, rows / batch, columns]), [1, 0, 2, 3]);
}

/** Rotates new positions, which follow the prefix and the past of their row. */
function rotationOf(
  begin: number,
  fresh: number,
  past: SegmentInputs["past"],
  attributes: SegmentAttributes,
): (x: Tensor, heads: number) => Tensor {
  const positions = begin + (past?.key.shape[2] ?? 0) + fresh;
  const { half, cos, sin } = rotaryTable(positions, attributes.headDim, attributes);
  if (past !== undefined) {
    const table: RotaryTensors = rotaryTensors({ positions, half, cos, sin });
    const at = tf.add(tf.reshape(past.lengths, [-1, 1]), tf.scalar(begin, "int32"));
    return (x, heads) => rotary(x, table, heads, at);
  }
  const rows = (values: Float32Array): Float32Array => values.slice(begin * half);
  const table = rotaryTensors({ positions: fresh, half, cos: rows(cos), sin: rows(sin) });
  return (x, heads) => rotary(x, table, heads);
}

/** Which positions of the prefix are within the window; undefined without one. */
function prefixBias(
  begin: number,
  fresh: number,
  lengths: Tensor | undefined,
  { window }: SegmentAttributes,
): Tensor | undefined {
  if (window === undefined) return undefined;
  if (lengths !== undefined) {
    const at = tf.add(tf.reshape(lengths, [-1, 1]), tf.scalar(begin - window, "int32"));
    const seen = tf.cast(tf.greater(slotsOf(begin), at), "float32");
    return maskBias(tf.reshape(seen, [lengths.shape[0], 1, 1, 1, begin]));
  }
  const seen = new Float32Array(fresh * begin);
  for (let row = 0; row < fresh; row++)
    seen.fill(1, row * begin + Math.min(begin, Math.max(0, begin + row + 1 - window)), (row + 1) * begin);
  return maskBias(tf.tensor(seen, [1, 1, 1, fresh, begin]));
}

/** Which cached positions a row has and attends to. */
function pastBias(
  { key, lengths }: NonNullable<SegmentInputs["past"]>,
  { window }: SegmentAttributes,
): Tensor {
  const [batch, , capacity] = key.shape as [number, number, number];
  const at = tf.reshape(lengths, [-1, 1]);
  const slots = slotsOf(capacity);
  const before = tf.cast(tf.less(slots, at), "float32");
  const seen =
    window === undefined
      ? before
      : tf.mul(before, tf.cast(tf.greater(slots, tf.sub(at, tf.scalar(window, "int32"))), "float32"));
  return maskBias(tf.reshape(seen, [batch, 1, 1, 1, capacity]));
}
