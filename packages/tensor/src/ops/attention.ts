/**
 * Attention as compositions: scores, mask, softmax, weighted sum, with a backward pass of three products.
 *
 * Query heads that share a KV head are folded into the rows of one product, so grouped KV heads are never repeated:
 *
 *   query [batch, kvHeads, group·length, headDim] · keyᵀ -> scores [batch, kvHeads, group·length, source]
 */
import { SlmError } from "@slm/core";
import { activeRecorder } from "../recording/recorder.js";
import { tf, type Tensor } from "../tf.js";
import { defineOp } from "./lowering.js";
import { rotary, rotaryTable, rotaryTensors } from "./rotary.js";
import { expectShape } from "./shape-check.js";
import type { CachedAttentionAttributes, HeadLayout, OpSet, ScoreAttributes } from "./signatures.js";

/** Added to the score of a masked key: its exp is zero in float32. */
export const MASKED = -1e9;

export const groupOf = ({ heads, kvHeads }: HeadLayout): number => heads / kvHeads;

/** `[batch, length, heads·headDim]` -> `[batch, kvHeads, group·length, headDim]`. */
export function foldQuery(x: Tensor, layout: HeadLayout): Tensor {
  const [batch, length] = x.shape as [number, number];
  const { kvHeads, headDim } = layout;
  const group = groupOf(layout);
  if (group === 1) return tf.transpose(tf.reshape(x, [batch, length, kvHeads, headDim]), [0, 2, 1, 3]);
  const grouped = layout.headOrder === "grouped";
  const split = tf.reshape(x, [batch, length, ...(grouped ? [kvHeads, group] : [group, kvHeads]), headDim]);
  const folded = tf.transpose(split, grouped ? [0, 2, 3, 1, 4] : [0, 3, 2, 1, 4]);
  return tf.reshape(folded, [batch, kvHeads, group * length, headDim]);
}

/** The inverse of foldQuery. */
export function unfoldQuery(x: Tensor, layout: HeadLayout, length: number): Tensor {
  const batch = x.shape[0];
  const { heads, kvHeads, headDim } = layout;
  const group = groupOf(layout);
  if (group === 1) return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, length, heads * headDim]);
  const split = tf.reshape(x, [batch, kvHeads, group, length, headDim]);
  const perm = layout.headOrder === "grouped" ? [0, 3, 1, 2, 4] : [0, 3, 2, 1, 4];
  return tf.reshape(tf.transpose(split, perm), [batch, length, heads * headDim]);
}

/** `[batch, length, kvHeads·headDim]` -> `[batch, kvHeads, length, headDim]`. */
export function foldKeyValue(x: Tensor, { kvHeads, headDim }: HeadLayout): Tensor {
  const [batch, length] = x.shape as [number, number];
  return tf.transpose(tf.reshape(x, [batch, length, kvHeads, headDim]), [0, 2, 1, 3]);
}

export function scaledScores(query: Tensor, key: Tensor, transposeB: boolean, scale: number): Tensor {
  const recorder = activeRecorder();
  if (recorder === undefined) return tf.mul(tf.matMul(query, key, false, transposeB), scale);
  const columns = key.shape.at(transposeB ? -2 : -1)!;
  return recorder.tensor(recorder.matMul(query, key, { transposeB, scale }), [
    ...query.shape.slice(0, -1),
    columns,
  ]);
}

interface AttendOptions {
  readonly bias?: Tensor | undefined;
  /** Query heads per KV head. */
  readonly group: number;
  readonly softcap?: number | undefined;
}

/**
 * softmax(query · keyᵀ / sqrt(headDim) + bias) · value with hand-written gradient; scores are capped before the bias.
 *
 * Shapes: query `[batch, kvHeads, rows, headDim]`, key and value `[batch, kvHeads, source, headDim]`,
 * bias broadcastable to `[batch, kvHeads, group, length, source]` with group·length = rows.
 * Gradient, P the weights: dV = PᵀdO, dS = P∘(dO·Vᵀ - rowsum(dO·Vᵀ∘P)), dQ = dS·K/sqrt(d), dK = dSᵀ·Q/sqrt(d).
 * Capped at c with t = tanh(S/c): dS is multiplied by 1 - t².
 */
function attend(query: Tensor, key: Tensor, value: Tensor, { bias, group, softcap }: AttendOptions): Tensor {
  const [batch, kvHeads, rows, headDim] = query.shape as [number, number, number, number];
  const source = key.shape[2]!;
  const scale = 1 / Math.sqrt(headDim);
  return tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const [q, k, v, save] = args as [Tensor, Tensor, Tensor, tf.GradSaveFunc];
    let scores = scaledScores(q, k, true, softcap === undefined ? scale : scale / softcap);
    const slopes: Tensor[] = [];
    if (softcap !== undefined) {
      const capped = tf.tanh(scores);
      slopes.push(tf.sub(1, tf.square(capped)));
      scores = tf.mul(capped, softcap);
    }
    if (bias !== undefined) {
      const apart = tf.reshape(scores, [batch, kvHeads, group, rows / group, source]);
      scores = tf.reshape(tf.add(apart, bias), [batch, kvHeads, rows, source]);
    }
    const weights = tf.softmax(scores);
    save([q, k, v, weights, ...slopes]);
    return {
      value: tf.matMul(weights, v),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [savedQ, savedK, savedV, savedWeights, slope] = saved as [
          ...[Tensor, Tensor, Tensor, Tensor],
          Tensor | undefined,
        ];
        const dWeights = tf.matMul(dy, savedV, false, true);
        const spread = tf.mul(dWeights, savedWeights);
        const uncapped = tf.sub(spread, tf.mul(savedWeights, tf.sum(spread, -1, true)));
        const dScores = slope === undefined ? uncapped : tf.mul(uncapped, slope);
        return [
          scaledScores(dScores, savedK, false, scale),
          scaledTransposed(dScores, savedQ, scale),
          tf.matMul(savedWeights, dy, true, false),
        ];
      },
    };
  })(query, key, value);
}

function scaledTransposed(a: Tensor, b: Tensor, scale: number): Tensor {
  const recorder = activeRecorder();
  if (recorder === undefined) return tf.mul(tf.matMul(a, b, true, false), scale);
  const shape = [...a.shape.slice(0, -2), a.shape.at(-1)!, b.shape.at(-1)!];
  return recorder.tensor(recorder.matMul(a, b, { transposeA: true, scale }), shape);
}

/** 1 where a position is below its row's length: lengths int32 `[batch]` -> `[batch, size]`. */
function lengthMask(lengths: Tensor, size: number): Tensor {
  const positions = tf.tensor2d(
    Int32Array.from({ length: size }, (_, i) => i),
    [1, size],
    "int32",
  );
  return tf.cast(tf.less(positions, tf.reshape(lengths, [-1, 1])), "float32");
}

/** (1 - allowed) · MASKED: the bias that, added to scores, masks all keys that are not allowed. */
export const maskBias = (allowed: Tensor): Tensor => tf.mul(tf.sub(1, allowed), MASKED);

/** 1 where position `row` sees position `column`, `[1, 1, 1, length, length]`. */
export function causalMask(length: number, window = length): Tensor {
  const values = new Float32Array(length * length);
  for (let row = 0; row < length; row++)
    values.fill(1, row * length + Math.max(0, row + 1 - window), row * length + row + 1);
  return tf.tensor(values, [1, 1, 1, length, length]);
}

/** @throws SlmError UNEXPECTED for a window that is not a positive integer or not causal, and for a softcap that is not above 0. */
export function checkScores(op: string, { window, softcap }: ScoreAttributes, causal: boolean): void {
  const isWindow = window === undefined || (causal && Number.isInteger(window) && window > 0);
  if (isWindow && (softcap === undefined || softcap > 0)) return;
  throw new SlmError(
    "UNEXPECTED",
    `${op}: expected a causal window of whole positions and a softcap above 0, got window ${window ?? "none"}, softcap ${softcap ?? "none"}`,
  );
}

export const selfAttention = defineOp("selfAttention", ({ query, key, value, lengths, mask }, attributes) => {
  const [batch, length] = query.shape as [number, number];
  const { heads, kvHeads, headDim } = attributes;
  expectShape("selfAttention", "query", query, [batch, length, heads * headDim]);
  expectShape("selfAttention", "key", key, [batch, length, kvHeads * headDim]);
  checkScores("selfAttention", attributes, attributes.causal);
  const table = rotaryTensors(rotaryTable(length, headDim, attributes));
  const keys = mask ?? (lengths === undefined ? undefined : lengthMask(lengths, length));
  const keyMask = keys === undefined ? undefined : tf.reshape(keys, [batch, 1, 1, 1, length]);
  // Masks are multiplied before they become a bias, so that a row without any allowed key stays uniform over all keys.
  const causal = attributes.causal ? causalMask(length, attributes.window) : undefined;
  const allowed =
    keyMask !== undefined && causal !== undefined ? tf.mul(keyMask, causal) : (keyMask ?? causal);
  const output = attend(
    foldQuery(rotary(query, table, heads), attributes),
    foldKeyValue(rotary(key, table, kvHeads), attributes),
    foldKeyValue(value, attributes),
    {
      bias: allowed === undefined ? undefined : maskBias(allowed),
      group: groupOf(attributes),
      softcap: attributes.softcap,
    },
  );
  return unfoldQuery(output, attributes, length);
});

export const crossKey = defineOp("crossKey", ({ x }, layout) => {
  const [batch, source] = x.shape as [number, number];
  return tf.transpose(tf.reshape(x, [batch, source, layout.kvHeads, layout.headDim]), [0, 2, 3, 1]);
});

export const crossValue = defineOp("crossValue", ({ x }, layout) => foldKeyValue(x, layout));

export const lengthBias = defineOp("lengthBias", ({ lengths, ids }) => {
  const [batch, source] = ids.shape as [number, number];
  return tf.reshape(maskBias(lengthMask(lengths, source)), [batch, 1, 1, source]);
});

export const crossAttention = defineOp("crossAttention", ({ query, key, value, bias }, layout) => {
  const [batch, target] = query.shape as [number, number];
  const source = key.shape[3]!;
  expectShape("crossAttention", "key", key, [batch, layout.kvHeads, layout.headDim, source]);
  const output = attend(foldQuery(query, layout), tf.transpose(key, [0, 1, 3, 2]), value, {
    bias: bias === undefined ? undefined : tf.reshape(bias, [batch, 1, 1, 1, source]),
    group: groupOf(layout),
  });
  return unfoldQuery(output, layout, target);
});

/** Writes one new position per row into its cache slot. cache `[batch, kvHeads, capacity, headDim]`, slot `[batch, 1, capacity, 1]`. */
const place = (cache: Tensor, fresh: Tensor, slot: Tensor): Tensor =>
  tf.add(tf.mul(cache, tf.sub(1, slot)), tf.mul(slot, fresh));

/**
 * One new position per row (target = 1). Rows may be at different positions, so rows of different lengths share a batch.
 * Caches below their capacity hold exactly the positions so far and grow by one per step, without mask or scatter.
 */
export const cachedAttention = defineOp("cachedAttention", (inputs, attributes) => {
  const { query, key, value, pastKey, pastValue, pastLength } = inputs;
  const batch = query.shape[0];
  const { heads, kvHeads, headDim, capacity, window, softcap } = attributes;
  checkScores("cachedAttention", attributes, true);
  expectShape("cachedAttention", "query (one position a step when not fused)", query, [
    batch,
    1,
    heads * headDim,
  ]);
  if (pastKey.shape[2]! < capacity) return growingAttention(inputs, attributes);
  expectShape("cachedAttention", "pastKey", pastKey, [batch, kvHeads, capacity, headDim]);
  if (attributes.caches === "delta") return deltaCacheAttention(inputs, attributes);
  const table = rotaryTensors(rotaryTable(capacity, headDim, attributes));
  const at = positionsOf(pastLength, batch);
  const slots = slotsOf(capacity);
  const slot = tf.reshape(tf.cast(tf.equal(slots, at), "float32"), [batch, 1, capacity, 1]);
  const past = tf.cast(tf.lessEqual(slots, at), "float32");
  const seen =
    window === undefined ? past : tf.mul(past, tf.cast(tf.greater(slots, tf.sub(at, window)), "float32"));
  const allowed = tf.reshape(seen, [batch, 1, 1, 1, capacity]);
  const presentKey = place(pastKey, foldKeyValue(rotary(key, table, kvHeads, at), attributes), slot);
  const presentValue = place(pastValue, foldKeyValue(value, attributes), slot);
  const output = attend(foldQuery(rotary(query, table, heads, at), attributes), presentKey, presentValue, {
    bias: maskBias(allowed),
    group: groupOf(attributes),
    softcap,
  });
  return { output: unfoldQuery(output, attributes, 1), presentKey, presentValue };
});

/** Position of each row's new token: int32 `[batch, 1]`. */
const positionsOf = (pastLength: Tensor, batch: number): Tensor =>
  tf.tile(tf.reshape(pastLength, [-1, 1]), [pastLength.size === batch ? 1 : batch, 1]);

/** int32 `[1, capacity]` */
export const slotsOf = (capacity: number): Tensor =>
  tf.tensor2d(
    Int32Array.from({ length: capacity }, (_, i) => i),
    [1, capacity],
    "int32",
  );

/** Attention of one new position over the caches and itself, concatenated for this; the host updates the caches. */
function deltaCacheAttention(
  { query, key, value, pastKey, pastValue, pastLength }: OpSet["cachedAttention"]["inputs"],
  attributes: CachedAttentionAttributes,
): OpSet["cachedAttention"]["outputs"] {
  const batch = query.shape[0];
  const { heads, kvHeads, headDim, capacity, window, softcap } = attributes;
  const table = rotaryTensors(rotaryTable(capacity, headDim, attributes));
  const at = positionsOf(pastLength, batch);
  const slots = slotsOf(capacity);
  const before = tf.cast(tf.less(slots, at), "float32");
  const seen =
    window === undefined ? before : tf.mul(before, tf.cast(tf.greater(slots, tf.sub(at, window)), "float32"));
  const allowed = tf.concat([seen, tf.ones([batch, 1])], 1);
  const presentKey = rotary(key, table, kvHeads, at);
  const output = attend(
    foldQuery(rotary(query, table, heads, at), attributes),
    tf.concat([pastKey, foldKeyValue(presentKey, attributes)], 2),
    tf.concat([pastValue, foldKeyValue(value, attributes)], 2),
    {
      bias: maskBias(tf.reshape(allowed, [batch, 1, 1, 1, capacity + 1])),
      group: groupOf(attributes),
      softcap,
    },
  );
  return { output: unfoldQuery(output, attributes, 1), presentKey, presentValue: value };
}

/** Attention of one new position over caches that hold exactly the positions before it. */
function growingAttention(
  { query, key, value, pastKey, pastValue }: OpSet["cachedAttention"]["inputs"],
  attributes: CachedAttentionAttributes,
): OpSet["cachedAttention"]["outputs"] {
  const { heads, kvHeads, headDim, capacity, window, softcap } = attributes;
  const position = pastKey.shape[2]!;
  const { half, cos, sin } = rotaryTable(capacity, headDim, attributes);
  const row = (table: Float32Array): Float32Array => table.slice(position * half, (position + 1) * half);
  const table = rotaryTensors({ positions: 1, half, cos: row(cos), sin: row(sin) });
  const grown = (cache: Tensor, fresh: Tensor): Tensor =>
    position === 0 ? fresh : tf.concat([cache, fresh], 2);
  const presentKey = grown(pastKey, foldKeyValue(rotary(key, table, kvHeads), attributes));
  const presentValue = grown(pastValue, foldKeyValue(value, attributes));
  const folded = foldQuery(rotary(query, table, heads), attributes);
  // Positions that have left the window are never read again.
  const from = window === undefined ? 0 : Math.max(0, position + 1 - window);
  const seen = (cache: Tensor): Tensor =>
    from === 0
      ? cache
      : tf.slice(cache, [0, 0, from, 0], [cache.shape[0], kvHeads, position + 1 - from, headDim]);
  const options = { group: groupOf(attributes), softcap };
  const output = attend(folded, seen(presentKey), seen(presentValue), options);
  return { output: unfoldQuery(output, attributes, 1), presentKey, presentValue };
}
