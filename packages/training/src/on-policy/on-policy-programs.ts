/** The two programs for decoding with current weights: the encoder, and a one-position decoder step with caches. */
import {
  cacheHeads,
  cacheParts,
  decodeStep,
  imageTokensOf,
  outputHead,
  pooledGroup,
  readSource,
  type EncoderDecoderConfig,
  type ModelConfig,
  type Parameters,
  type SelfCache,
  type SourceContext,
} from "@slm/model";
import { math, type ProgramDefinition, type Tensor, type TensorSpec } from "@slm/tensor";
import { planChunks, unpackParameters, valueSpecs, type Chunk } from "../parameters/parameter-layout.js";
import { sourceSpecs } from "../feeds/source-feeds.js";

/** Fixed sizes of an on-policy decoder's programs. */
export interface OnPolicyDecoderShape {
  /** Rows decoded together; fewer sources are padded with copies of the first. */
  readonly rows: number;
  /** Longest text of a source [tokens]. */
  readonly source: number;
  /** Cache capacity [positions]; includes the source of a decoder-only model. */
  readonly capacity: number;
}

/** One layer's cached keys, or values. */
export const cacheSpec = (config: ModelConfig, { rows, capacity }: OnPolicyDecoderShape): TensorSpec => {
  const { kvHeads, headDim } = cacheHeads(config);
  return { dtype: "float32", shape: [rows, kvHeads, capacity, headDim] };
};

/** Names of the caches of all layers. */
export const cacheNames = (config: ModelConfig): string[] =>
  layersOf(config).flatMap((layer) => cacheParts(config).map((part) => `${layer}.${part}`));

/** The caches of each layer among a program's inputs; uses `otherwise` for missing ones. */
export const pastCaches = (
  config: ModelConfig,
  x: Readonly<Record<string, Tensor>>,
  otherwise?: Tensor,
): SelfCache[] =>
  layersOf(config).map((layer): SelfCache =>
    Object.fromEntries(
      cacheParts(config).flatMap((part) => {
        const tensor = x[`past.${layer}.${part}`] ?? otherwise;
        return tensor === undefined ? [] : [[part, tensor]];
      }),
    ),
  );

/** The caches of each layer as a program's outputs. */
export const presentCaches = (caches: readonly SelfCache[]): Record<string, Tensor> =>
  Object.fromEntries(
    caches.flatMap((parts, layer) =>
      Object.entries(parts).map(([part, tensor]) => [`present.${layer}.${part}`, tensor]),
    ),
  );

/** Decoder layers, counted from 0. */
export const layersOf = (config: ModelConfig): number[] =>
  Array.from({ length: config.decoderLayers }, (_, layer) => layer);

/** Cross-attention inputs of the step program: the outputs of the encoder program, by name. */
export function contextSpecs(
  config: ModelConfig,
  { rows, source: text }: OnPolicyDecoderShape,
): Record<string, TensorSpec> {
  const { kvHeads, headDim } = config;
  const source = Math.ceil((text + imageTokensOf(config)) / pooledGroup(config));
  const specs: Record<string, TensorSpec> = { bias: { dtype: "float32", shape: [rows, 1, 1, source] } };
  for (const layer of layersOf(config)) {
    specs[`cross.${layer}.key`] = { dtype: "float32", shape: [rows, kvHeads, headDim, source] };
    specs[`cross.${layer}.value`] = { dtype: "float32", shape: [rows, kvHeads, source, headDim] };
  }
  return specs;
}

/** The sources as cross-attention inputs, computed from the inputs of `sourceSpecs`. */
export const readSources = (
  config: EncoderDecoderConfig,
  parameters: Parameters,
  x: Readonly<Record<string, Tensor>>,
): SourceContext =>
  readSource(config, parameters, { ids: x["ids"]!, lengths: x["lengths"]!, patches: x["patches"] }).context;

/** Encoder program: from `sourceSpecs` to the cross-attention caches and their bias. */
export function encodeProgram(
  config: EncoderDecoderConfig,
  shape: OnPolicyDecoderShape,
  chunks: readonly Chunk[] = planChunks(config),
): ProgramDefinition {
  return {
    name: `live encoder ${shape.rows}x${shape.source}`,
    forwardOnly: true,
    inputs: { ...valueSpecs(chunks), ...sourceSpecs(config, shape) },
    build: (x) => {
      const { cross, bias } = readSources(config, unpackParameters(chunks, x), x);
      const outputs: Record<string, Tensor> = { bias };
      cross.forEach(({ key, value }, layer) => {
        outputs[`cross.${layer}.key`] = key;
        outputs[`cross.${layer}.value`] = value;
      });
      return outputs;
    },
  };
}

/**
 * Step program, one token per row: from ids and positions to logits `[rows, vocab]`, their argmax `top` int32 `[rows]` and its log-probability
 * `topLogProbability` `[rows]`, and the new positions of the caches.
 */
export function stepProgram(
  config: EncoderDecoderConfig,
  shape: OnPolicyDecoderShape,
  chunks: readonly Chunk[] = planChunks(config),
): ProgramDefinition {
  const inputs: Record<string, TensorSpec> = {
    ...valueSpecs(chunks),
    ...contextSpecs(config, shape),
    ids: { dtype: "int32", shape: [shape.rows, 1] },
    position: { dtype: "int32", shape: [shape.rows] },
  };
  for (const name of cacheNames(config)) inputs[`past.${name}`] = cacheSpec(config, shape);
  return {
    name: `live step ${shape.rows}x${shape.capacity}`,
    forwardOnly: true,
    inputs,
    build: (x) => {
      const parameters = unpackParameters(chunks, x);
      const caches = pastCaches(config, x);
      const cross = layersOf(config).map((layer) => ({
        key: x[`cross.${layer}.key`]!,
        value: x[`cross.${layer}.value`]!,
      }));
      const source = { cross, bias: x["bias"]! };
      const { capacity } = shape;
      const step = decodeStep(config, parameters, x["ids"]!, {
        source,
        caches,
        capacity,
        pastLength: x["position"]!,
        form: "delta",
      });
      const logits = math.reshape(outputHead(config, parameters, step.hidden), [
        shape.rows,
        config.vocabularySize,
      ]);
      return {
        logits,
        top: math.top1(logits),
        topLogProbability: math.top1LogProbability(logits),
        ...presentCaches(step.caches),
      };
    },
  };
}
