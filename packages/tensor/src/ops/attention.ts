/**
 * Attention as compositions: scores, mask, softmax, weighted sum, with a backward pass of three products.
 *
 * Query heads that share a KV head are folded into the rows of one product, so grouped KV heads are never repeated:
 *
 *   query [batch, kvHeads, group·length, headDim] · keyᵀ -> scores [batch, kvHeads, group·length, source]
 */
import { SlmError } from "@slm/core";
import { activeRecorder } from "../recording/recorder.js";
import { tf, type Tensor } from "../recording/tf.js";
import { defineOp } from "./lowering.js";
import { causalMask, lengthMask, maskBias, windowMask } from "./masks.js";
import {
  cachedRelativeBias,
  checkRelative,
  grownRelativeBias,
  sequenceRelativeBias,
} from "./relative-bias.js";
import { rotary, rotaryTable, rotaryTensors, rotationOf, turnOf } from "./rotary.js";
import { expectShape } from "./shape-check.js";
import type {
  CachedAttentionAttributes,
  HeadLayout,
  MergedSource,
  OpSet,
  ScoreAttributes,
} from "./signatures.js";

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
  /** Hides keys; a constant. */
  readonly bias?: Tensor | undefined;
  /** Added to scores, `[1 or batch, kvHeads, group, length, source]`; it has a gradient. */
  readonly relative?: Tensor | undefined;
  /** Query heads per KV head. */
  readonly group: number;
  readonly softcap?: number | undefined;
}

/**
 * softmax(query · keyᵀ / sqrt(headDim) + bias) · value with a hand-written gradient; scores are capped before the bias.
 *
 * Shapes: query `[batch, kvHeads, rows, headDim]`, key and value `[batch, kvHeads, source, headDim]`, bias broadcastable to `[batch, kvHeads,
 * group, length, source]` with group·length = rows.
 * Gradient, P the weights: dV = PᵀdO, dS = P∘(dO·Vᵀ - rowsum(dO·Vᵀ∘P)), dQ = dS·K/sqrt(d), dK = dSᵀ·Q/sqrt(d). Capped at c with t = tanh(S/c):
 * dS is multiplied by 1 - t². A relative bias is added to capped scores; its gradient is dS before that factor, summed over the batch.
 */
function attend(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { bias, relative, group, softcap }: AttendOptions,
): Tensor {
  const [batch, kvHeads, rows, headDim] = query.shape as [number, number, number, number];
  const source = key.shape[2]!;
  const scale = 1 / Math.sqrt(headDim);
  return tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const save = args.at(-1) as tf.GradSaveFunc;
    const [q, k, v, added] = args.slice(0, -1) as [Tensor, Tensor, Tensor, Tensor | undefined];
    let scores = scaledScores(q, k, true, softcap === undefined ? scale : scale / softcap);
    const slopes: Tensor[] = [];
    if (softcap !== undefined) {
      const capped = tf.tanh(scores);
      slopes.push(tf.sub(1, tf.square(capped)));
      scores = tf.mul(capped, softcap);
    }
    const apart = [batch, kvHeads, group, rows / group, source];
    for (const term of [added, bias]) {
      if (term === undefined) continue;
      scores = tf.reshape(tf.add(tf.reshape(scores, apart), term), [batch, kvHeads, rows, source]);
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
        const gradients = [
          scaledScores(dScores, savedK, false, scale),
          scaledTransposed(dScores, savedQ, scale),
          tf.matMul(savedWeights, dy, true, false),
        ];
        if (relative === undefined) return gradients;
        const dRelative = tf.reshape(uncapped, apart);
        return [...gradients, relative.shape[0] === 1 ? tf.sum(dRelative, 0, true) : dRelative];
      },
    };
  })(...(relative === undefined ? [query, key, value] : [query, key, value, relative]));
}

function scaledTransposed(a: Tensor, b: Tensor, scale: number): Tensor {
  const recorder = activeRecorder();
  if (recorder === undefined) return tf.mul(tf.matMul(a, b, true, false), scale);
  const shape = [...a.shape.slice(0, -2), a.shape.at(-1)!, b.shape.at(-1)!];
  return recorder.tensor(recorder.matMul(a, b, { transposeA: true, scale }), shape);
}

/** @throws SlmError UNEXPECTED for a window that is not a positive integer, and for a softcap that is not above 0. */
export function checkScores(op: string, { window, softcap }: ScoreAttributes): void {
  const isWindow = window === undefined || (Number.isInteger(window) && window > 0);
  if (isWindow && (softcap === undefined || softcap > 0)) return;
  throw new SlmError(
    "UNEXPECTED",
    `${op}: expected a window of whole positions and a softcap above 0, got window ${window ?? "none"}, softcap ${softcap ?? "none"}`,
  );
}

/** Keys and values `[batch, kvHeads, keys, headDim]`, and a bias broadcastable to `[batch, 1, 1, length, keys]`. */
interface SeenKeys {
  readonly key: Tensor;
  readonly value: Tensor;
  readonly bias: Tensor | undefined;
}

/** Only these keys or, in merged attention, these keys followed by those of a source. */
function withSource(
  keys: SeenKeys,
  { sourceKey, sourceValue, sourceBias }: MergedSource,
  [batch, length]: readonly [number, number],
): SeenKeys {
  if (sourceKey === undefined || sourceValue === undefined) return keys;
  const source = sourceValue.shape[2]!;
  const spread = (bias: Tensor | undefined, count: number): Tensor => {
    const zeros = tf.zeros([batch, 1, 1, length, count]);
    return bias === undefined ? zeros : tf.add(zeros, bias);
  };
  const own = sourceBias && tf.reshape(sourceBias, [batch, 1, 1, 1, source]);
  return {
    key: tf.concat([keys.key, tf.transpose(sourceKey, [0, 1, 3, 2])], 2),
    value: tf.concat([keys.value, sourceValue], 2),
    bias: tf.concat([spread(keys.bias, keys.key.shape[2]!), spread(own, source)], 4),
  };
}

export const selfAttention = defineOp("selfAttention", (inputs, attributes) => {
  const { query, key, value, lengths, mask, relativeBias } = inputs;
  const [batch, length] = query.shape as [number, number];
  const { heads, kvHeads, headDim } = attributes;
  expectShape("selfAttention", "query", query, [batch, length, heads * headDim]);
  expectShape("selfAttention", "key", key, [batch, length, kvHeads * headDim]);
  checkScores("selfAttention", attributes);
  const relative = checkRelative("selfAttention", relativeBias, attributes);
  if (inputs.sourceKey !== undefined && relative !== undefined)
    throw new SlmError("UNEXPECTED", "selfAttention: a relative bias is not supported in merged attention");
  const turn = turnOf(length, headDim, attributes);
  const tokens = mask ?? (lengths === undefined ? undefined : lengthMask(lengths, length));
  const keyMask = tokens === undefined ? undefined : tf.reshape(tokens, [batch, 1, 1, 1, length]);
  // Masks are multiplied before they become a bias, so that a row without any allowed key stays uniform over all keys.
  const near =
    attributes.window === undefined
      ? undefined
      : windowMask(length, attributes.window, attributes.windowAfter);
  const places = attributes.causal ? causalMask(length, attributes.window) : near;
  const allowed =
    keyMask !== undefined && places !== undefined ? tf.mul(keyMask, places) : (keyMask ?? places);
  const keys = {
    key: foldKeyValue(turn(key, kvHeads), attributes),
    value: foldKeyValue(value, attributes),
    bias: allowed === undefined ? undefined : maskBias(allowed),
  };
  const seen = withSource(keys, inputs, [batch, length]);
  const output = attend(foldQuery(turn(query, heads), attributes), seen.key, seen.value, {
    bias: seen.bias,
    relative: relative && sequenceRelativeBias(relative, attributes, length),
    group: groupOf(attributes),
    softcap: attributes.softcap,
  });
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
    softcap: layout.softcap,
  });
  return unfoldQuery(output, layout, target);
});

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
