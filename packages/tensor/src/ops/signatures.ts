/**
 * The op set: every operation that models use, with its inputs and attributes. A target that exports fused operators supplies one entry per op
 * (`LoweringTable`); a missing entry does not compile.
 *
 * Axes: batch, source (encoder positions), target (decoder positions), past (cached positions), heads, headDim, width, vocab.
 */
import type { PresentKv } from "@slm/runtime";
import type { Tensor } from "../recording/tf.js";

/** How query heads share key/value heads: query head h uses KV head `h div group` or `h mod kvHeads`. */
type HeadOrder = "grouped" | "modulo";

export interface HeadLayout {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly headOrder: HeadOrder;
}

/** Rotary position embedding (RoPE) of query and key heads. */
export interface Rotation {
  /** RoPE base. Angle per position of pair i: ropeTheta^(-2i / headDim), unless there are `ropeInverseFrequencies`. */
  readonly ropeTheta: number;
  /** Angle per position of each pair [radians], headDim / 2 numbers. */
  readonly ropeInverseFrequencies?: readonly number[] | undefined;
}

/** A rotation, or none: without `ropeTheta` heads are not rotated. */
export interface OptionalRotation extends Partial<Omit<Rotation, "ropeTheta">> {
  readonly ropeTheta?: number | undefined;
}

/**
 * How distances between positions share the rows of a relative bias. Half of the buckets contain one distance each. The others contain
 * logarithmically more, up to `maxDistance` and beyond. Bidirectional attention uses half of all buckets for each direction.
 */
export interface RelativeBuckets {
  readonly buckets: number;
  readonly maxDistance: number;
}

/** Position options of attention, apart from the mask. */
export interface PositionAttributes extends OptionalRotation {
  /** Buckets of the input `relativeBias`; set both or neither. */
  readonly relative?: RelativeBuckets | undefined;
}

/** Changes to attention scores before the softmax. */
export interface ScoreAttributes {
  /**
   * Sliding window: a position attends to the last `window` positions, including its own; without `causal` also to as many after it. Default: no
   * window.
   */
  readonly window?: number | undefined;
  /** Scores become softcap · tanh(scores / softcap). Default: unchanged. */
  readonly softcap?: number | undefined;
}

/** @public the type of an exported op contains it */
export interface SelfAttentionAttributes extends HeadLayout, PositionAttributes, ScoreAttributes {
  readonly causal: boolean;
  /** Without `causal`: number of later positions that a position attends to. Default: `window` - 1. */
  readonly windowAfter?: number | undefined;
}

/**
 * A source that self-attention also reads, with one softmax over the target's keys and the source's (merged attention): key and value from
 * crossKey and crossValue, bias `[batch, 1, 1, source]`.
 */
export interface MergedSource {
  readonly sourceKey?: Tensor | undefined;
  readonly sourceValue?: Tensor | undefined;
  readonly sourceBias?: Tensor | undefined;
}

export interface CachedAttentionAttributes extends HeadLayout, PositionAttributes, ScoreAttributes {
  /** Capacity of the cache [tokens]. */
  readonly capacity: number;
  /**
   * Contents of presentKey and presentValue. full (default): the caches with the new positions written. delta: only the new positions, as rows
   * `[batch, target, kvHeads·headDim]`, which the runtime appends (`AppendRequest`).
   */
  readonly caches?: PresentKv;
}

/** Ops without attributes expect an empty object. */
type NoAttributes = Readonly<Record<string, never>>;

/** A grid of tokens and the shift in rows and columns. */
export interface GridShift {
  readonly height: number;
  readonly width: number;
  readonly down: number;
  readonly across: number;
}

/** Inputs, attributes and outputs of every op. */
export interface OpSet {
  /** table `[vocab, width]`, ids int32 `[batch, length]` -> `[batch, length, width]`. */
  embedding: { inputs: { table: Tensor; ids: Tensor }; attributes: NoAttributes; outputs: Tensor };
  /**
   * Rows of a position table, `[positions, width]`, for a sequence `[batch, length, ...]`: rows from 0, or from pastLength int32 `[1]` or
   * `[batch]` (in programs one new position) -> `[1 or batch, length, width]`.
   */
  positionRows: {
    inputs: { table: Tensor; sequence: Tensor; pastLength?: Tensor | undefined };
    attributes: NoAttributes;
    outputs: Tensor;
  };
  /** x `[..., in]`, weight `[out, in]`, bias `[out]` -> `[..., out]`: x · weightᵀ + bias. */
  linear: {
    inputs: { x: Tensor; weight: Tensor; bias?: Tensor | undefined };
    attributes: NoAttributes;
    outputs: Tensor;
  };
  /** x `[..., width]`, weight `[width]`: x / sqrt(mean(x²) + epsilon) · weight. */
  rmsNorm: {
    inputs: { x: Tensor; weight: Tensor };
    attributes: { readonly epsilon: number };
    outputs: Tensor;
  };
  /** x `[..., heads·headDim]`, weight `[headDim]`: rmsNorm of every head. */
  qkNorm: {
    inputs: { x: Tensor; weight: Tensor };
    attributes: { readonly epsilon: number; readonly headDim: number };
    outputs: Tensor;
  };
  /** x · sigmoid(x), elementwise. */
  silu: { inputs: { x: Tensor }; attributes: NoAttributes; outputs: Tensor };
  /** Product of two tensors of one shape, elementwise. */
  multiply: { inputs: { a: Tensor; b: Tensor }; attributes: NoAttributes; outputs: Tensor };
  /** limit · tanh(x / limit), elementwise, on logits; computed in float32 at every precision. */
  softcap: { inputs: { x: Tensor }; attributes: { readonly limit: number }; outputs: Tensor };
  /** Gaussian error linear unit (tanh approximation), elementwise. */
  gelu: { inputs: { x: Tensor }; attributes: NoAttributes; outputs: Tensor };
  /** x · Φ(x) with the normal distribution function Φ, elementwise: the exact Gaussian error linear unit. */
  erfGelu: { inputs: { x: Tensor }; attributes: NoAttributes; outputs: Tensor };
  /** max(x, 0), elementwise. */
  relu: { inputs: { x: Tensor }; attributes: NoAttributes; outputs: Tensor };
  /** x · sigmoid(1.702 · x), elementwise: the activation that CLIP was trained with. */
  quickGelu: { inputs: { x: Tensor }; attributes: NoAttributes; outputs: Tensor };
  /** x `[..., width]`, weight and bias `[width]`: (x - mean) / sqrt(variance + epsilon) · weight + bias. */
  layerNorm: {
    inputs: { x: Tensor; weight: Tensor; bias: Tensor };
    attributes: { readonly epsilon: number };
    outputs: Tensor;
  };
  /** a `[batch, n, width]`, b `[batch, m, width]` -> `[batch, n + m, width]`. */
  concatTokens: { inputs: { a: Tensor; b: Tensor }; attributes: NoAttributes; outputs: Tensor };
  /** x `[batch, length, width]` -> `[batch, length - first, width]`: all tokens from `first` on. */
  tokensFrom: { inputs: { x: Tensor }; attributes: { readonly first: number }; outputs: Tensor };
  /** x `[batch, length, width]` -> `[batch, outputs, width]`: weights `[outputs, length]`, constant, times x. */
  mixTokens: {
    inputs: { x: Tensor };
    attributes: { readonly weights: Float32Array; readonly outputs: number };
    outputs: Tensor;
  };
  /** x `[batch, height · width, size]` -> the same: each token is replaced with the token `down` rows below and `across` columns to the right. */
  shiftGrid: { inputs: { x: Tensor }; attributes: GridShift; outputs: Tensor };
  /**
   * Means of each `group` adjacent tokens, where padding counts as zeros: x `[batch, length, width]` -> tokens `[batch, ceil(length / group),
   * width]`, with their `lengths` or `mask`. Source: the strided mean of Funnel-Transformer (arXiv:2006.03236), section 2.2.
   */
  poolTokens: {
    inputs: { x: Tensor; lengths?: Tensor | undefined; mask?: Tensor | undefined };
    attributes: { readonly group: number };
    outputs: { tokens: Tensor; lengths?: Tensor; mask?: Tensor };
  };
  /** Residual sum of two tensors with the same shape; b may lack the axis `batch`, or have size 1 there. */
  add: { inputs: { a: Tensor; b: Tensor }; attributes: NoAttributes; outputs: Tensor };
  /**
   * query `[batch, length, heads·headDim]`, key and value `[batch, length, kvHeads·headDim]`. Rotary positions 0, 1, ... on query and key if
   * there is a rotation. With `relativeBias` `[buckets, heads]`, the row for the distance of key and query is added to scores. Keys beyond
   * `lengths` int32 `[batch]`, or where `mask` `[batch, length]` is 0, are not attended.
   */
  selfAttention: {
    inputs: {
      query: Tensor;
      key: Tensor;
      value: Tensor;
      lengths?: Tensor | undefined;
      mask?: Tensor | undefined;
      relativeBias?: Tensor | undefined;
    } & MergedSource;
    attributes: SelfAttentionAttributes;
    outputs: Tensor;
  };
  /**
   * Self-attention of new positions over a cache: query `[batch, target, heads·headDim]`, key and value `[batch, target, kvHeads·headDim]`,
   * pastKey and pastValue `[batch, kvHeads, capacity, headDim]`, pastLength int32 `[1]` or `[batch]`: number of cached positions. In programs
   * the caches may also be shorter than the capacity. They then contain exactly the positions before this one, and the returned caches are one
   * position longer.
   */
  cachedAttention: {
    inputs: {
      query: Tensor;
      key: Tensor;
      value: Tensor;
      pastKey: Tensor;
      pastValue: Tensor;
      pastLength: Tensor;
      relativeBias?: Tensor | undefined;
    } & MergedSource;
    attributes: CachedAttentionAttributes;
    outputs: { output: Tensor; presentKey: Tensor; presentValue: Tensor };
  };
  /**
   * States of a gated linear recurrence over positions: c(t) = g(t) · c(t-1) + (1 - g(t)) · x(t), elementwise, with g = sigmoid(gate) and zeros
   * before the first position. x and gate `[batch, length, width]`. A position with `mask` `[batch, length]` 0 does not change the state. After
   * cached states: pastState `[batch, 1, capacity, width]` and pastLength, both or neither, with the same rules for shorter caches as in
   * `cachedAttention`. presentState: see `caches`; without cached states it contains the states.
   */
  recurrence: {
    inputs: {
      x: Tensor;
      gate: Tensor;
      mask?: Tensor | undefined;
      pastState?: Tensor | undefined;
      pastLength?: Tensor | undefined;
    };
    attributes: Pick<CachedAttentionAttributes, "capacity" | "caches">;
    outputs: { states: Tensor; presentState: Tensor };
  };
  /** x `[batch, source, kvHeads·headDim]` -> `[batch, kvHeads, headDim, source]`: keys in the layout of cross-attention. */
  crossKey: { inputs: { x: Tensor }; attributes: HeadLayout; outputs: Tensor };
  /** x `[batch, source, kvHeads·headDim]` -> `[batch, kvHeads, source, headDim]`. */
  crossValue: { inputs: { x: Tensor }; attributes: HeadLayout; outputs: Tensor };
  /** lengths int32 `[batch]`, ids `[batch, source]` -> `[batch, 1, 1, source]`: 0 at tokens, very negative at padding. */
  lengthBias: { inputs: { lengths: Tensor; ids: Tensor }; attributes: NoAttributes; outputs: Tensor };
  /**
   * query `[batch, target, heads·headDim]`, key and value from crossKey and crossValue, bias `[batch, 1, 1, source]`. Without a bias the whole
   * source is attended. With source = target, this is self-attention without positions.
   */
  crossAttention: {
    inputs: { query: Tensor; key: Tensor; value: Tensor; bias?: Tensor | undefined };
    attributes: HeadLayout & Pick<ScoreAttributes, "softcap">;
    outputs: Tensor;
  };
  /** x `[batch, length, width]` -> `[batch, width]`: the last position. */
  lastPosition: { inputs: { x: Tensor }; attributes: NoAttributes; outputs: Tensor };
}

export type OpName = keyof OpSet;
