/**
 * Attention of queries over keys and values: scores, mask, softmax, weighted sum, with a backward pass of three products.
 *
 * Query heads that share a KV head are folded into the rows of one product, so grouped KV heads are never repeated:
 *
 *   query [batch, kvHeads, group·length, headDim] · keyᵀ -> scores [batch, kvHeads, group·length, source]
 */
import { SlmError } from "@slm/core";
import { activeRecorder } from "../recording/recorder.js";
import { tf, type Tensor } from "../recording/tf.js";
import type { HeadLayout, MergedSource, ScoreAttributes } from "./signatures.js";

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
export function attend(
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
          Tensor,
          Tensor,
          Tensor,
          Tensor,
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
export function withSource(
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
