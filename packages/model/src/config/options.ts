/** Options that only encoder-decoders have, and what a model does without them. */
import {
  decoderOnlyConfig,
  type DecoderOnlyConfig,
  type EncoderDecoderConfig,
  type ModelConfig,
} from "./config.js";

/** Half of an encoder-decoder; the name is the configuration key of its number of layers. */
export type Side = "encoderLayers" | "decoderLayers";

/** Options that a decoder-only model does not have. */
type OwnOptions = Omit<EncoderDecoderConfig, keyof DecoderOnlyConfig>;

const NONE: Partial<OwnOptions> = {};

/** The options that only encoder-decoders have. */
export const publishedOf = (config: ModelConfig): Partial<OwnOptions> =>
  config.architecture === "encoder-decoder" ? config : NONE;

/** Options that both architectures have in the same form. */
type SharedOptions = Omit<
  EncoderDecoderConfig,
  Exclude<keyof EncoderDecoderConfig, keyof DecoderOnlyConfig> | "architecture" | "slidingWindow"
>;

/** Keys of a decoder-only configuration, except those with another value or form in an encoder-decoder. */
const SHARED_KEYS: ReadonlySet<string> = new Set(
  Object.keys(decoderOnlyConfig.shape).filter((key) => key !== "architecture" && key !== "slidingWindow"),
);

/** The options that a decoder-only model of the same shape copies from an encoder-decoder. */
export function sharedOptions(config: EncoderDecoderConfig): SharedOptions {
  return Object.fromEntries(Object.entries(config).filter(([key]) => SHARED_KEYS.has(key))) as SharedOptions;
}

/** Heads of a stack's self-attention. The decoder's cross-attention has the same heads. */
export function stackHeads(
  config: ModelConfig,
  side: Side,
): Pick<ModelConfig, "heads" | "kvHeads" | "headDim"> {
  const { encoderHeads } = publishedOf(config);
  return side === "encoderLayers" && encoderHeads !== undefined ? encoderHeads : config;
}

/** Width of the encoder [elements]. */
export const encoderWidth = (config: ModelConfig): number => publishedOf(config).encoderWidth ?? config.width;

/** Whether the decoder has one attention for the target and the source. */
export const isMerged = (config: ModelConfig): boolean =>
  config.architecture === "encoder-decoder" && config.mergedAttention === true;

/** Whether decoder layers use a recurrence instead of self-attention. */
export const isRecurrent = (config: ModelConfig): boolean =>
  config.architecture === "encoder-decoder" && config.decoderRecurrence !== undefined;

/** The names of the cache tensors of a decoder layer. */
export const cacheParts = (config: ModelConfig): readonly CachePart[] =>
  isRecurrent(config) ? ["state"] : ["key", "value"];

/**
 * Capacity of the decoder's self-attention cache [tokens]: the longest target, plus the source for a decoder-only model, which reads it as
 * a prefix.
 */
export function cacheCapacity(config: ModelConfig): number {
  return config.architecture === "decoder-only" ? config.maxSource + config.maxTarget : config.maxTarget;
}

/** state: `[batch, 1, capacity, width]`; key and value: `[batch, kvHeads, capacity, headDim]`. */
export type CachePart = "key" | "value" | "state";

/** Width of the recurrent state; undefined for models with keys and values. */
export const stateWidthOf = (config: ModelConfig): number | undefined =>
  isRecurrent(config) ? config.width : undefined;

/** Axes of a cache apart from batch and positions. */
export const cacheHeads = (config: ModelConfig): Pick<ModelConfig, "kvHeads" | "headDim"> =>
  isRecurrent(config) ? { kvHeads: 1, headDim: config.width } : config;

/**
 * Source tokens per encoder position: 1 without pooling.
 *
 * @param layersDone number of encoder layers that have run. Default: all
 */
export function pooledGroup(config: ModelConfig, layersDone = Infinity): number {
  const { afterLayers = [], group = 1 } = publishedOf(config).encoderPooling ?? {};
  return group ** afterLayers.filter((layers) => layers <= layersDone).length;
}

/** Whether norms follow residual sums, with no norm at the end. */
export const isPostNorm = (config: ModelConfig): boolean => publishedOf(config).normPlacement === "post";

/** Names of weights that only some encoder-decoders have. */
export const OPTIONAL_WEIGHTS = {
  /** The source's own embedding table. */
  sourceEmbedding: "encoder.embedding.weight",
  embeddingNorm: (stack: Stack): string => `${stack}.embeddingNorm`,
  /** Added to embedded tokens, `[maxSource or maxTarget, width]`. */
  positions: (stack: Stack): string => `${stack}.positions.weight`,
  /** Relative biases shared by all layers of a stack, `[buckets, heads]`. */
  sharedBias: (stack: Stack): string => `${stack}.relativeBias.weight`,
  layerBias: (layer: string): string => `${layer}.relativeBias.weight`,
  headBias: "head.bias",
} as const;

export type Stack = "encoder" | "decoder";

const STACKS: Readonly<Record<Side, Stack>> = { encoderLayers: "encoder", decoderLayers: "decoder" };

/** Name of the relative bias of a layer's self-attention; undefined in models with other positions. */
export function relativeBiasOf(config: ModelConfig, side: Side, layer: number): string | undefined {
  const { positions } = publishedOf(config);
  if (positions?.kind !== "relative-bias") return undefined;
  const stack = STACKS[side];
  return positions.perLayer === true
    ? OPTIONAL_WEIGHTS.layerBias(`${stack}.layers.${layer}.attention`)
    : OPTIONAL_WEIGHTS.sharedBias(stack);
}
