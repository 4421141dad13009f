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
  return [
    ...linear(`${name}.query`, query, width, bias),
    ...linear(`${name}.key`, keyValue, width, bias),
    ...linear(`${name}.value`, keyValue, width, bias),
    ...linear(`${name}.output`, width, query, bias, RESIDUAL_SCALE),
  ];
}

function feedForward(name: string, { width, feedForward: inner, bias }: ModelConfig): ParameterSpec[] {
  return [
    ...linear(`${name}.up`, inner, width, bias),
    ...linear(`${name}.down`, width, inner, bias, RESIDUAL_SCALE),
  ];
}

function encoderLayer(name: string, config: ModelConfig): ParameterSpec[] {
  return [
    norm(`${name}.attentionNorm`, config.width),
    ...attention(`${name}.attention`, config),
    norm(`${name}.feedForwardNorm`, config.width),
    ...feedForward(`${name}.feedForward`, config),
  ];
}

function decoderLayer(name: string, config: ModelConfig): ParameterSpec[] {
  const cross =
    config.architecture === "encoder-decoder"
      ? [norm(`${name}.crossAttentionNorm`, config.width), ...attention(`${name}.crossAttention`, config)]
      : [];
  return [
    norm(`${name}.attentionNorm`, config.width),
    ...attention(`${name}.attention`, config),
    ...cross,
    norm(`${name}.feedForwardNorm`, config.width),
    ...feedForward(`${name}.feedForward`, config),
  ];
}

const layers = (count: number, build: (index: number) => ParameterSpec[]): ParameterSpec[] =>
  Array.from({ length: count }, (_, index) => build(index)).flat();

/** All parameters in a fixed order. Embedding and output head are one table. */
export function parameterSpecs(config: ModelConfig): ParameterSpec[] {
  const encoder =
    config.architecture === "encoder-decoder"
      ? [
          ...layers(config.encoderLayers, (i) => encoderLayer(`encoder.layers.${i}`, config)),
          norm("encoder.norm", config.width),
        ]
      : [];
  return [
    {
      name: "embedding.weight",
      shape: [config.vocabularySize, config.width],
      initialization: normal(1 / Math.sqrt(config.width)),
    },
    ...encoder,
    ...layers(config.decoderLayers, (i) => decoderLayer(`decoder.layers.${i}`, config)),
    norm("decoder.norm", config.width),
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
    if (shape.length !== 2 || name === "embedding.weight") continue;
    const flops = 2 * shape[0]! * shape[1]!;
    if (name.startsWith("encoder.") || /crossAttention\.(key|value)/.test(name)) encoder += flops;
    else decoder += flops;
  }
  return { encoderPerSourceToken: encoder, decoderPerTargetToken: decoder };
}
