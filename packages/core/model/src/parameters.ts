/** Every weight of a model: its name, shape and how it starts. The single list that checkpoints, training and export follow. */
import type { ModelConfig } from "./config.js";

export type Initialization =
  { readonly kind: "ones" } | { readonly kind: "zeros" } | { readonly kind: "normal"; readonly std: number };

export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initialization: Initialization;
}

const ones: Initialization = { kind: "ones" };
const zeros: Initialization = { kind: "zeros" };
const normal = (std: number): Initialization => ({ kind: "normal", std });

/** Factor on the last linear of each residual branch, so that the stream's variance stays near 1 at depth (measured on the g2p task). */
const RESIDUAL_SCALE = 0.4;

function linear(name: string, outputs: number, inputs: number, bias: boolean, scale = 1): ParameterSpec[] {
  const weight = {
    name: `${name}.weight`,
    shape: [outputs, inputs],
    initialization: normal(scale / Math.sqrt(inputs)),
  };
  return bias ? [weight, { name: `${name}.bias`, shape: [outputs], initialization: zeros }] : [weight];
}

function norm(name: string, width: number): ParameterSpec {
  return { name: `${name}.weight`, shape: [width], initialization: ones };
}

function attention(name: string, config: ModelConfig): ParameterSpec[] {
  const { width, bias } = config;
  const query = config.heads * config.headDim;
  const keyValue = config.kvHeads * config.headDim;
  const inner = bias !== false;
  return [
    ...linear(`${name}.query`, query, width, inner),
    ...linear(`${name}.key`, keyValue, width, inner),
    ...linear(`${name}.value`, keyValue, width, inner),
    ...linear(`${name}.output`, width, query, inner && bias !== "query-key-value", RESIDUAL_SCALE),
  ];
}

function selfAttention(name: string, config: ModelConfig): ParameterSpec[] {
  const norms =
    config.headNorm === true
      ? [norm(`${name}.queryNorm`, config.headDim), norm(`${name}.keyNorm`, config.headDim)]
      : [];
  return [...attention(name, config), ...norms];
}

function feedForward(
  name: string,
  { width, feedForward: inner, gate, ...config }: ModelConfig,
): ParameterSpec[] {
  const bias = config.bias === true;
  return [
    ...(gate === undefined ? [] : linear(`${name}.gate`, inner, width, bias)),
    ...linear(`${name}.up`, inner, width, bias),
    ...linear(`${name}.down`, width, inner, bias, RESIDUAL_SCALE),
  ];
}

/** A residual branch: the norm it begins with, what it computes, and the norm it may end with. */
function branch(name: string, config: ModelConfig, inside: readonly ParameterSpec[]): ParameterSpec[] {
  const end = config.postNorm === true ? [norm(`${name}PostNorm`, config.width)] : [];
  return [norm(`${name}Norm`, config.width), ...inside, ...end];
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
      ? branch(`${name}.crossAttention`, config, attention(`${name}.crossAttention`, config))
      : [];
  return [
    ...branch(`${name}.attention`, config, selfAttention(`${name}.attention`, config)),
    ...cross,
    ...branch(`${name}.feedForward`, config, feedForward(`${name}.feedForward`, config)),
  ];
}

const layers = (count: number, build: (index: number) => ParameterSpec[]): ParameterSpec[] =>
  Array.from({ length: count }, (_, index) => build(index)).flat();

/** The table that tokens are embedded with; logits are products with it too, where the head is tied. */
export const EMBEDDING_WEIGHT = "embedding.weight";
/** The output head of a model with `untiedHead`. */
export const HEAD_WEIGHT = "head.weight";

/** Name of the table that logits are products with. */
export const headWeight = ({ untiedHead }: ModelConfig): string =>
  untiedHead === true ? HEAD_WEIGHT : EMBEDDING_WEIGHT;

/** All parameters in a fixed order. Embedding and output head are one table unless the head is untied. */
export function parameterSpecs(config: ModelConfig): ParameterSpec[] {
  const encoder =
    config.architecture === "encoder-decoder"
      ? [
          ...layers(config.encoderLayers, (i) => encoderLayer(`encoder.layers.${i}`, config)),
          norm("encoder.norm", config.width),
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
    norm("decoder.norm", config.width),
    ...(config.untiedHead === true ? [table(HEAD_WEIGHT)] : []),
  ];
}

/** Number of weights. */
export function parameterCount(config: ModelConfig): number {
  return parameterSpecs(config).reduce(
    (sum, { shape }) => sum + shape.reduce((product, axis) => product * axis, 1),
    0,
  );
}

/**
 * Multiply-adds (counted as two) of the linear layers per token; attention scores are left out, being a few percent
 * at the lengths these models see. Cross-attention's key and value projections run once per source token.
 */
export function flopsPerToken(config: ModelConfig): {
  encoderPerSourceToken: number;
  decoderPerTargetToken: number;
} {
  let encoder = 0;
  let decoder = 2 * config.vocabularySize * config.width;
  for (const { name, shape } of parameterSpecs(config)) {
    if (shape.length !== 2 || name === EMBEDDING_WEIGHT || name === HEAD_WEIGHT) continue;
    const flops = 2 * shape[0]! * shape[1]!;
    if (name.startsWith("encoder.") || /crossAttention\.(key|value)/.test(name)) encoder += flops;
    else decoder += flops;
  }
  return { encoderPerSourceToken: encoder, decoderPerTargetToken: decoder };
}
