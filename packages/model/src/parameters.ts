/** Every weight of a model: name, shape and initialization. The single list that checkpoints, training and export use. */
import type { ModelConfig } from "./config.js";
import { linearSpecs, normal, normSpec, RESIDUAL_SCALE, type ParameterSpec } from "./parameter-spec.js";
import { imageTokenCount, towerTokens, type VisionConfig } from "./vision/vision-config.js";
import { PROJECTOR, TOWER, visionSpecs } from "./vision/vision-parameters.js";

function attention(name: string, config: ModelConfig): ParameterSpec[] {
  const { width, bias } = config;
  const query = config.heads * config.headDim;
  const keyValue = config.kvHeads * config.headDim;
  const inner = bias !== false;
  return [
    ...linearSpecs(`${name}.query`, [query, width], { bias: inner }),
    ...linearSpecs(`${name}.key`, [keyValue, width], { bias: inner }),
    ...linearSpecs(`${name}.value`, [keyValue, width], { bias: inner }),
    ...linearSpecs(`${name}.output`, [width, query], {
      bias: inner && bias !== "query-key-value",
      scale: RESIDUAL_SCALE,
    }),
  ];
}

const qkNorms = (name: string, { headDim }: ModelConfig): ParameterSpec[] => [
  normSpec(`${name}.queryNorm`, headDim),
  normSpec(`${name}.keyNorm`, headDim),
];

const selfAttention = (name: string, config: ModelConfig): ParameterSpec[] => [
  ...attention(name, config),
  ...(config.qkNorm === true ? qkNorms(name, config) : []),
];

/** Whether query and key heads of cross-attention have norms. */
export const hasCrossQkNorm = (config: ModelConfig): boolean =>
  config.architecture === "encoder-decoder" && config.crossQkNorm === true;

const crossAttention = (name: string, config: ModelConfig): ParameterSpec[] => [
  ...attention(name, config),
  ...(hasCrossQkNorm(config) ? qkNorms(name, config) : []),
];

function feedForward(
  name: string,
  { width, feedForward: inner, activation = "gelu", ...config }: ModelConfig,
): ParameterSpec[] {
  const bias = config.bias === true;
  return [
    ...(activation === "gelu" ? [] : linearSpecs(`${name}.gate`, [inner, width], { bias: bias })),
    ...linearSpecs(`${name}.up`, [inner, width], { bias: bias }),
    ...linearSpecs(`${name}.down`, [width, inner], { bias: bias, scale: RESIDUAL_SCALE }),
  ];
}

/** Parameters of a residual branch: its pre-norm, the weights inside, and an optional post-norm. */
function branch(name: string, config: ModelConfig, inside: readonly ParameterSpec[]): ParameterSpec[] {
  const end = config.postNorm === true ? [normSpec(`${name}PostNorm`, config.width)] : [];
  return [normSpec(`${name}Norm`, config.width), ...inside, ...end];
}

function encoderLayer(name: string, config: ModelConfig): ParameterSpec[] {
  return [
    ...branch(`${name}.attention`, config, selfAttention(`${name}.attention`, config)),
    ...branch(`${name}.feedForward`, config, feedForward(`${name}.feedForward`, config)),
  ];
}

function decoderLayer(name: string, config: ModelConfig): ParameterSpec[] {
  const cross =
    config.architecture === "encoder-decoder"
      ? branch(`${name}.crossAttention`, config, crossAttention(`${name}.crossAttention`, config))
      : [];
  return [
    ...branch(`${name}.attention`, config, selfAttention(`${name}.attention`, config)),
    ...cross,
    ...branch(`${name}.feedForward`, config, feedForward(`${name}.feedForward`, config)),
  ];
}

const layers = (count: number, build: (index: number) => ParameterSpec[]): ParameterSpec[] =>
  Array.from({ length: count }, (_, index) => build(index)).flat();

/** The embedding table; also the output head if `tieWordEmbeddings` is true. */
export const EMBEDDING_WEIGHT = "embedding.weight";
/** The output head of a model without `tieWordEmbeddings`. */
export const HEAD_WEIGHT = "head.weight";

/** Name of the output head's weight. */
export const headWeight = ({ tieWordEmbeddings }: ModelConfig): string =>
  tieWordEmbeddings === false ? HEAD_WEIGHT : EMBEDDING_WEIGHT;

/** The vision part of a model; undefined for text-only models. */
export const visionOf = (config: ModelConfig): VisionConfig | undefined =>
  config.architecture === "encoder-decoder" ? config.vision : undefined;

/** All parameters in a fixed order, those of vision last. Embedding and output head are one table unless the head is untied. */
export function parameterSpecs(config: ModelConfig): ParameterSpec[] {
  const encoder =
    config.architecture === "encoder-decoder"
      ? [
          ...layers(config.encoderLayers, (i) => encoderLayer(`encoder.layers.${i}`, config)),
          normSpec("encoder.norm", config.width),
        ]
      : [];
  const table = (name: string): ParameterSpec => ({
    name,
    shape: [config.vocabularySize, config.width],
    initialization: normal(1 / Math.sqrt(config.width)),
  });
  return [
    table(EMBEDDING_WEIGHT),
    ...encoder,
    ...layers(config.decoderLayers, (i) => decoderLayer(`decoder.layers.${i}`, config)),
    normSpec("decoder.norm", config.width),
    ...(config.tieWordEmbeddings === false ? [table(HEAD_WEIGHT)] : []),
    ...(visionOf(config) === undefined ? [] : visionSpecs(visionOf(config)!, config.width)),
  ];
}

/** Number of weights. */
export function parameterCount(config: ModelConfig): number {
  return parameterSpecs(config).reduce(
    (sum, { shape }) => sum + shape.reduce((product, axis) => product * axis, 1),
    0,
  );
}

/** Parts of a model that may be trained differently. */
export const MODEL_MODULES = ["text", "tower", "projector"] as const;
export type ModelModule = (typeof MODEL_MODULES)[number];

/** The module of a parameter, by its name; an adapter belongs to the module of its weight. */
export function moduleOf(name: string): ModelModule {
  if (name.startsWith(`${TOWER}.`)) return "tower";
  return name.startsWith(`${PROJECTOR}.`) ? "projector" : "text";
}

/** FLOPs (a multiply-add counts as two) of a matrix for each row that it is multiplied with. */
const matrixFlops = ([outputs = 0, inputs = 0]: readonly number[]): number => 2 * outputs * inputs;

/** Whether a parameter is a matrix of a linear layer: tables and positions are looked up. */
const isMultiplied = ({ name, shape }: ParameterSpec): boolean =>
  shape.length === 2 && name.endsWith(".weight") && name !== EMBEDDING_WEIGHT && name !== HEAD_WEIGHT;

/**
 * FLOPs (a multiply-add counts as two) of the linear layers per token. Attention scores are excluded: they are a few percent
 * at usual lengths. Cross-attention's key and value projections run once per source token. Image tokens
 * are source tokens; the cost of computing them is {@link flopsPerImage}.
 */
export function flopsPerToken(config: ModelConfig): {
  encoderPerSourceToken: number;
  decoderPerTargetToken: number;
} {
  let encoder = 0;
  let decoder = 2 * config.vocabularySize * config.width;
  for (const spec of parameterSpecs(config)) {
    const { name, shape } = spec;
    if (!isMultiplied(spec) || moduleOf(name) !== "text") continue;
    if (name.startsWith("encoder.") || /crossAttention\.(key|value)/.test(name))
      encoder += matrixFlops(shape);
    else decoder += matrixFlops(shape);
  }
  return { encoderPerSourceToken: encoder, decoderPerTargetToken: decoder };
}

/** The same for one image: the tower's linear layers once per row it reads, the projector's once per image token. */
export function flopsPerImage(vision: VisionConfig, width: number): number {
  const rows = { tower: towerTokens(vision.tower), projector: imageTokenCount(vision), text: 0 };
  return visionSpecs(vision, width)
    .filter(isMultiplied)
    .reduce((sum, { name, shape }) => sum + rows[moduleOf(name)] * matrixFlops(shape), 0);
}
