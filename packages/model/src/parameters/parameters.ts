/** Name, shape and initialization of every weight of a model. Checkpoints, training and export all use this list. */
import { ACTIVATIONS } from "../config/activations.js";
import type { EncoderDecoderConfig, ModelConfig } from "../config/config.js";
import {
  isMerged,
  isPostNorm,
  isRecurrent,
  OPTIONAL_WEIGHTS,
  pooledGroup,
  publishedOf,
  relativeBiasOf,
  stackHeads,
  encoderWidth,
  type Side,
  type Stack,
} from "../config/options.js";
import {
  layerNormSpecs,
  linearSpecs,
  normal,
  normSpec,
  RESIDUAL_SCALE,
  zeros,
  type ParameterSpec,
} from "./parameter-spec.js";
import { imageTokenCount, towerTokens, type VisionConfig } from "../config/vision-config.js";
import { PROJECTOR, TOWER, visionSpecs } from "./vision-parameters.js";

/** @param source width of the input of keys and values, if it differs */
function attention(name: string, config: ModelConfig, side: Side, source = config.width): ParameterSpec[] {
  const { width, bias } = config;
  const { heads, kvHeads, headDim } = stackHeads(config, side);
  const query = heads * headDim;
  const keyValue = kvHeads * headDim;
  const inner = bias !== false;
  return [
    ...linearSpecs(`${name}.query`, [query, width], { bias: inner }),
    ...linearSpecs(`${name}.key`, [keyValue, source], { bias: inner }),
    ...linearSpecs(`${name}.value`, [keyValue, source], { bias: inner }),
    ...linearSpecs(`${name}.output`, [width, query], {
      bias: inner && bias !== "query-key-value",
      scale: RESIDUAL_SCALE,
    }),
  ];
}

const qkNorms = (name: string, headDim: number): ParameterSpec[] => [
  normSpec(`${name}.queryNorm`, headDim),
  normSpec(`${name}.keyNorm`, headDim),
];

const selfAttention = (name: string, config: ModelConfig, side: Side): ParameterSpec[] => [
  ...attention(name, config, side),
  ...(config.qkNorm === true ? qkNorms(name, stackHeads(config, side).headDim) : []),
];

/** The part of a decoder layer that reads the target so far: self-attention or a recurrence. */
const targetBranch = (layer: string, config: ModelConfig): ParameterSpec[] =>
  isRecurrent(config)
    ? branch(`${layer}.recurrence`, config, recurrence(`${layer}.recurrence`, config))
    : branch(`${layer}.attention`, config, selfAttention(`${layer}.attention`, config, "decoderLayers"));

/** Only the gate has a bias. */
const recurrence = (name: string, { width }: ModelConfig): ParameterSpec[] => [
  ...linearSpecs(`${name}.input`, [width, width], { bias: false, scale: RESIDUAL_SCALE }),
  ...linearSpecs(`${name}.gate`, [width, width], { bias: true }),
];

/** Whether query and key heads of cross-attention have norms. */
export const hasCrossQkNorm = (config: ModelConfig): boolean =>
  config.architecture === "encoder-decoder" && config.crossQkNorm === true;

const crossAttention = (name: string, config: ModelConfig): ParameterSpec[] => [
  ...attention(name, config, "decoderLayers", encoderWidth(config)),
  ...(hasCrossQkNorm(config) ? qkNorms(name, config.headDim) : []),
];

function feedForward(name: string, config: ModelConfig, inner: number): ParameterSpec[] {
  const { width, activation = "gelu" } = config;
  const bias = config.bias === true;
  return [
    ...(ACTIVATIONS[activation].isGated ? linearSpecs(`${name}.gate`, [inner, width], { bias: bias }) : []),
    ...linearSpecs(`${name}.up`, [inner, width], { bias: bias }),
    ...linearSpecs(`${name}.down`, [width, inner], { bias: bias, scale: RESIDUAL_SCALE }),
  ];
}

/** Parameters of a norm of the model's kind over its width. */
const norm = (name: string, config: ModelConfig): ParameterSpec[] =>
  publishedOf(config).norm === "layer" ? layerNormSpecs(name, config.width) : [normSpec(name, config.width)];

/** Parameters of a residual branch: its norm (before it, or after the sum), the weights inside, and an optional norm at its end. */
function branch(name: string, config: ModelConfig, inside: readonly ParameterSpec[]): ParameterSpec[] {
  const end = config.postNorm === true ? norm(`${name}PostNorm`, config) : [];
  return [...norm(`${name}Norm`, config), ...inside, ...end];
}

/** The norm at the end of a stack of layers; none if every layer ends with a norm. */
const finalNorm = (stack: Stack, config: ModelConfig): ParameterSpec[] =>
  isPostNorm(config) ? [] : norm(`${stack}.norm`, config);

/** A relative bias table, if this layer has its own. */
function layerBias(config: ModelConfig, side: Side, layer: number): ParameterSpec[] {
  const { positions } = publishedOf(config);
  const name = relativeBiasOf(config, side, layer);
  if (name === undefined || positions?.kind !== "relative-bias") return [];
  return positions.perLayer === true || layer === 0
    ? [biasTable(name, positions.buckets, stackHeads(config, side).heads)]
    : [];
}

const biasTable = (name: string, buckets: number, heads: number): ParameterSpec => ({
  name,
  shape: [buckets, heads],
  initialization: zeros,
});

/** The parameters added to embedded tokens: positions and a norm. */
function embeddingSpecs(config: ModelConfig, stack: Stack, length: number): ParameterSpec[] {
  const { positions, embeddingNorm } = publishedOf(config);
  const { width } = config;
  const table = { name: OPTIONAL_WEIGHTS.positions(stack), shape: [length, width] };
  return [
    ...(positions?.kind === "learned" ? [{ ...table, initialization: normal(1 / Math.sqrt(width)) }] : []),
    ...(positions?.kind === "sinusoidal"
      ? [{ ...table, initialization: { ...positions, kind: "sinusoids" as const } }]
      : []),
    ...(embeddingNorm === undefined ? [] : norm(OPTIONAL_WEIGHTS.embeddingNorm(stack), config)),
  ];
}

function encoderLayer(index: number, config: ModelConfig): ParameterSpec[] {
  const name = `encoder.layers.${index}`;
  const inner = feedForward(`${name}.feedForward`, config, config.feedForward);
  return [
    ...layerBias(config, "encoderLayers", index),
    ...branch(`${name}.attention`, config, selfAttention(`${name}.attention`, config, "encoderLayers")),
    ...branch(`${name}.feedForward`, config, inner),
  ];
}

function decoderLayer(index: number, config: ModelConfig): ParameterSpec[] {
  const name = `decoder.layers.${index}`;
  const width = publishedOf(config).decoderFeedForward ?? config.feedForward;
  const cross =
    config.architecture === "encoder-decoder" && !isMerged(config)
      ? branch(`${name}.crossAttention`, config, crossAttention(`${name}.crossAttention`, config))
      : [];
  return [
    ...layerBias(config, "decoderLayers", index),
    ...targetBranch(name, config),
    ...cross,
    ...branch(`${name}.feedForward`, config, feedForward(`${name}.feedForward`, config, width)),
  ];
}

const layers = (count: number, build: (index: number) => ParameterSpec[]): ParameterSpec[] =>
  Array.from({ length: count }, (_, index) => build(index)).flat();

/** The embedding table; also the output head if `tieWordEmbeddings` is true. */
export const EMBEDDING_WEIGHT = "embedding.weight";
/** The output head of a model without `tieWordEmbeddings`. */
export const HEAD_WEIGHT = "head.weight";
/** Gains of the decoder's last norm, directly before the output head. */
export const LAST_NORM_WEIGHT = "decoder.norm.weight";

/** Name of the output head's weight. */
export const headWeight = ({ tieWordEmbeddings }: ModelConfig): string =>
  tieWordEmbeddings === false ? HEAD_WEIGHT : EMBEDDING_WEIGHT;

/** The vision part of a model; undefined for text-only models. */
export const visionOf = (config: ModelConfig): VisionConfig | undefined =>
  config.architecture === "encoder-decoder" ? config.vision : undefined;

/** @param config with the encoder's own width */
const encoderSpecs = (config: EncoderDecoderConfig): ParameterSpec[] => [
  ...embeddingSpecs(config, "encoder", config.maxSource),
  ...layers(config.encoderLayers, (i) => encoderLayer(i, config)),
  ...finalNorm("encoder", config),
];

/** All parameters in a fixed order, vision last. Embedding and output head are one table unless the head is untied. */
export function parameterSpecs(config: ModelConfig): ParameterSpec[] {
  const { sourceVocabularySize, headBias } = publishedOf(config);
  const sourceWidth = encoderWidth(config);
  const encoder =
    config.architecture === "encoder-decoder" ? encoderSpecs({ ...config, width: sourceWidth }) : [];
  const table = (name: string, tokens = config.vocabularySize, width = config.width): ParameterSpec => ({
    name,
    shape: [tokens, width],
    initialization: normal(1 / Math.sqrt(width)),
  });
  return [
    table(EMBEDDING_WEIGHT),
    ...(sourceVocabularySize === undefined
      ? []
      : [table(OPTIONAL_WEIGHTS.sourceEmbedding, sourceVocabularySize, sourceWidth)]),
    ...encoder,
    ...embeddingSpecs(config, "decoder", config.maxTarget),
    ...layers(config.decoderLayers, (i) => decoderLayer(i, config)),
    ...finalNorm("decoder", config),
    ...(config.tieWordEmbeddings === false ? [table(HEAD_WEIGHT)] : []),
    ...(headBias === true
      ? [{ name: OPTIONAL_WEIGHTS.headBias, shape: [config.vocabularySize], initialization: zeros }]
      : []),
    ...(visionOf(config) === undefined ? [] : visionSpecs(visionOf(config)!, sourceWidth)),
  ];
}

/** Number of weights. */
export function parameterCount(config: ModelConfig): number {
  return parameterSpecs(config).reduce(
    (sum, { shape }) => sum + shape.reduce((product, axis) => product * axis, 1),
    0,
  );
}

/** Parts of a model that can be trained differently. */
export const MODEL_MODULES = ["text", "tower", "projector"] as const;
export type ModelModule = (typeof MODEL_MODULES)[number];

/** The module of a parameter, by its name. An adapter belongs to the module of its weight. */
export function moduleOf(name: string): ModelModule {
  if (name.startsWith(`${TOWER}.`)) return "tower";
  return name.startsWith(`${PROJECTOR}.`) ? "projector" : "text";
}

/** FLOPs of a matrix per row that it is multiplied with (a multiply-add counts as two). */
const matrixFlops = ([outputs = 0, inputs = 0]: readonly number[]): number => 2 * outputs * inputs;

/** Tables with rows that are looked up: tokens (including the output head), positions, distances. */
const isLookedUp = (name: string): boolean =>
  name === HEAD_WEIGHT || /(?:^|\.)(?:embedding|positions|relativeBias)\.weight$/.test(name);

/** Whether a parameter is a matrix of a linear layer, except the output head. */
export const isMultiplied = ({ name, shape }: Pick<ParameterSpec, "name" | "shape">): boolean =>
  shape.length === 2 && name.endsWith(".weight") && !isLookedUp(name);

/**
 * FLOPs (a multiply-add counts as two) of the linear layers per token. Attention scores are excluded: they are a few percent at usual lengths.
 * Cross-attention's key and value projections run once per source token. Layers that read pooled tokens count as a fraction. Image tokens are
 * source tokens; the cost of computing them is {@link flopsPerImage}.
 */
export function flopsPerToken(config: ModelConfig): {
  encoderPerSourceToken: number;
  decoderPerTargetToken: number;
} {
  let encoder = 0;
  let decoder = 2 * config.vocabularySize * config.width;
  const isOfSource = (name: string): boolean =>
    name.startsWith("encoder.") || /crossAttention\.(key|value)/.test(name);
  // A merged attention's keys and values are computed for both.
  const isOfBoth = (name: string): boolean =>
    isMerged(config) && /^decoder\..*\.attention\.(?:key|value)\./.test(name);
  for (const spec of parameterSpecs(config)) {
    const { name, shape } = spec;
    if (!isMultiplied(spec) || moduleOf(name) !== "text") continue;
    if (isOfSource(name) || isOfBoth(name))
      encoder += matrixFlops(shape) / pooledGroup(config, encoderLayerOf(name));
    if (!isOfSource(name)) decoder += matrixFlops(shape);
  }
  return { encoderPerSourceToken: encoder, decoderPerTargetToken: decoder };
}

/** Index of a parameter's encoder layer; undefined for parameters after the encoder. */
const encoderLayerOf = (name: string): number | undefined => {
  const [, index] = /^encoder\.layers\.(\d+)\./.exec(name) ?? [];
  return index === undefined ? undefined : Number(index);
};

/** FLOPs per image: the tower's linear layers once per input row, the projector's once per image token. */
export function flopsPerImage(vision: VisionConfig, width: number): number {
  const rows = { tower: towerTokens(vision.tower), projector: imageTokenCount(vision), text: 0 };
  return visionSpecs(vision, width)
    .filter(isMultiplied)
    .reduce((sum, { name, shape }) => sum + rows[moduleOf(name)] * matrixFlops(shape), 0);
}
