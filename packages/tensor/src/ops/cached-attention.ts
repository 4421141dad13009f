/** Attention of one new position over the cached positions before it. */
import { SlmError } from "@slm/core";
import { tf, type Tensor } from "../recording/tf.js";
import { attend, checkScores, foldKeyValue, foldQuery, groupOf, unfoldQuery, withSource } from "./attend.js";
import { defineOp } from "./lowering.js";
import { maskBias } from "./masks.js";
import { cachedRelativeBias, checkRelative, grownRelativeBias } from "./relative-bias.js";
import { rotary, rotaryTable, rotaryTensors, rotationOf, turnOf } from "./rotary.js";
import { expectShape } from "./shape-check.js";
import type { CachedAttentionAttributes, OpSet } from "./signatures.js";

/** Writes one new position per row into its cache slot. cache `[batch, kvHeads, capacity, headDim]`, slot `[batch, 1, capacity, 1]`. */
export const place = (cache: Tensor, fresh: Tensor, slot: Tensor): Tensor =>
  tf.add(tf.mul(cache, tf.sub(1, slot)), tf.mul(slot, fresh));

/**
 * One new position per row (target = 1). Rows may be at different positions, so rows of different lengths can share a batch. Caches below their
 * capacity contain exactly the positions so far and grow by one per step, without mask or scatter.
 */
export const cachedAttention = defineOp("cachedAttention", (inputs, attributes) => {
  const { query, key, value, pastKey, pastValue, pastLength, relativeBias } = inputs;
  const batch = query.shape[0];
  const { heads, kvHeads, headDim, capacity, window, softcap } = attributes;
  checkScores("cachedAttention", attributes);
  const relative = checkRelative("cachedAttention", relativeBias, attributes);
  expectShape("cachedAttention", "query (one position a step when not fused)", query, [
    batch,
    1,
    heads * headDim,
  ]);
  if (inputs.sourceKey !== undefined && relative !== undefined)
    throw new SlmError("UNEXPECTED", "cachedAttention: a relative bias is not supported in merged attention");
  if (pastKey.shape[2]! < capacity) return growingAttention(inputs, attributes);
  expectShape("cachedAttention", "pastKey", pastKey, [batch, kvHeads, capacity, headDim]);
  if (attributes.caches === "delta") return deltaCacheAttention(inputs, attributes);
  const turn = turnOf(capacity, headDim, attributes);
  const at = positionsOf(pastLength, batch);
  const slots = slotsOf(capacity);
  const slot = tf.reshape(tf.cast(tf.equal(slots, at), "float32"), [batch, 1, capacity, 1]);
  const past = tf.cast(tf.lessEqual(slots, at), "float32");
  const seen =
    window === undefined ? past : tf.mul(past, tf.cast(tf.greater(slots, tf.sub(at, window)), "float32"));
  const allowed = tf.reshape(seen, [batch, 1, 1, 1, capacity]);
  const presentKey = place(pastKey, foldKeyValue(turn(key, kvHeads, at), attributes), slot);
  const presentValue = place(pastValue, foldKeyValue(value, attributes), slot);
  const keys = { key: presentKey, value: presentValue, bias: maskBias(allowed) };
  const all = withSource(keys, inputs, [batch, 1]);
  const output = attend(foldQuery(turn(query, heads, at), attributes), all.key, all.value, {
    bias: all.bias,
    relative: relative && cachedRelativeBias(relative, attributes, tf.sub(at, slots)),
    group: groupOf(attributes),
    softcap,
  });
  return { output: unfoldQuery(output, attributes, 1), presentKey, presentValue };
});

/** Position of each row's new token: int32 `[batch, 1]`. */
export const positionsOf = (pastLength: Tensor, batch: number): Tensor =>
  tf.tile(tf.reshape(pastLength, [-1, 1]), [pastLength.size === batch ? 1 : batch, 1]);

/** int32 `[1, capacity]` */
export const slotsOf = (capacity: number): Tensor =>
  tf.tensor2d(
    Int32Array.from({ length: capacity }, (_, i) => i),
    [1, capacity],
    "int32",
  );

/** Attention of one new position over the caches and itself, concatenated for this op; the host updates the caches. */
function deltaCacheAttention(
  inputs: OpSet["cachedAttention"]["inputs"],
  attributes: CachedAttentionAttributes,
): OpSet["cachedAttention"]["outputs"] {
  const { query, key, value, pastKey, pastValue, pastLength, relativeBias } = inputs;
  const batch = query.shape[0];
  const { heads, kvHeads, headDim, capacity, window, softcap } = attributes;
  const relative = checkRelative("cachedAttention", relativeBias, attributes);
  const turn = turnOf(capacity, headDim, attributes);
  const at = positionsOf(pastLength, batch);
  const slots = slotsOf(capacity);
  const before = tf.cast(tf.less(slots, at), "float32");
  const seen =
    window === undefined ? before : tf.mul(before, tf.cast(tf.greater(slots, tf.sub(at, window)), "float32"));
  const allowed = tf.concat([seen, tf.ones([batch, 1])], 1);
  const presentKey = turn(key, kvHeads, at);
  const distances = tf.concat([tf.sub(at, slots), tf.zeros([batch, 1], "int32")], 1);
  const keys = {
    key: tf.concat([pastKey, foldKeyValue(presentKey, attributes)], 2),
    value: tf.concat([pastValue, foldKeyValue(value, attributes)], 2),
    bias: maskBias(tf.reshape(allowed, [batch, 1, 1, 1, capacity + 1])),
  };
  const all = withSource(keys, inputs, [batch, 1]);
  const output = attend(foldQuery(turn(query, heads, at), attributes), all.key, all.value, {
    bias: all.bias,
    relative: relative && cachedRelativeBias(relative, attributes, distances),
    group: groupOf(attributes),
    softcap,
  });
  return { output: unfoldQuery(output, attributes, 1), presentKey, presentValue: value };
}

/** Attention of one new position over caches with exactly the positions before it. */
function growingAttention(
  inputs: OpSet["cachedAttention"]["inputs"],
  attributes: CachedAttentionAttributes,
): OpSet["cachedAttention"]["outputs"] {
  const { query, key, value, pastKey, pastValue, relativeBias } = inputs;
  const { heads, kvHeads, window, headDim, softcap } = attributes;
  const position = pastKey.shape[2]!;
  const turn = turnAt(position, attributes);
  const grown = (cache: Tensor, fresh: Tensor): Tensor =>
    position === 0 ? fresh : tf.concat([cache, fresh], 2);
  const presentKey = grown(pastKey, foldKeyValue(turn(key, kvHeads), attributes));
  const presentValue = grown(pastValue, foldKeyValue(value, attributes));
  const folded = foldQuery(turn(query, heads), attributes);
  // Positions that have left the window are never read again.
  const from = window === undefined ? 0 : Math.max(0, position + 1 - window);
  const seen = (cache: Tensor): Tensor =>
    from === 0
      ? cache
      : tf.slice(cache, [0, 0, from, 0], [cache.shape[0], kvHeads, position + 1 - from, headDim]);
  const relative = checkRelative("cachedAttention", relativeBias, attributes);
  const added = relative && grownRelativeBias(relative, attributes, position + 1 - from);
  const keys = { key: seen(presentKey), value: seen(presentValue), bias: undefined };
  const all = withSource(keys, inputs, [query.shape[0], 1]);
  const options = { group: groupOf(attributes), softcap, relative: added, bias: all.bias };
  const output = attend(folded, all.key, all.value, options);
  return { output: unfoldQuery(output, attributes, 1), presentKey, presentValue };
}

/** The rotation of one known position. */
function turnAt(
  position: number,
  attributes: CachedAttentionAttributes,
): (x: Tensor, heads: number) => Tensor {
  const rotation = rotationOf(attributes);
  if (rotation === undefined) return (x) => x;
  const { half, cos, sin } = rotaryTable(attributes.capacity, attributes.headDim, rotation);
  const row = (table: Float32Array): Float32Array => table.slice(position * half, (position + 1) * half);
  const table = rotaryTensors({ positions: 1, half, cos: row(cos), sin: row(sin) });
  return (x, heads) => rotary(x, table, heads);
}
