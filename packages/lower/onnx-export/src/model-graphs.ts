/** The graphs of a model, recorded from the same functions that train it, with inputs and outputs as GRAPH_IO says. */
import { GRAPH_IO } from "@slm/artifact";
import { assertInPlaceSafe, checkGraph, optimizeGraph, type Graph, type InPlacePair } from "@slm/graph";
import {
  crossCaches,
  decodeStep,
  encode,
  outputHead,
  parameterSpecs,
  type Checkpoint,
  type EncoderDecoderConfig,
  type ModelConfig,
  type Parameters,
  type SourceContext,
  type Weights,
} from "@slm/model";
import {
  lastPosition,
  lengthBias,
  Recorder,
  registerRecordingBackend,
  withLowering,
  withRecorder,
  type LoweringTable,
  type Tensor,
} from "@slm/tensor";
import { groupHeads } from "./head-order.js";
import { cpuLowerings } from "./lowerings/cpu.js";

/** Sizes that tensors carry while a graph is recorded. They mean nothing: the graph must not depend on them. */
export interface PlaceholderSizes {
  readonly batch: number;
  readonly source: number;
  readonly target: number;
}

const PLACEHOLDERS: PlaceholderSizes = { batch: 1, source: 1, target: 1 };

/** Text stored in the ONNX file beside the graph. */
export type Metadata = Readonly<Record<string, string>>;

export interface GraphOptions {
  readonly metadata?: Metadata;
  readonly placeholders?: PlaceholderSizes;
}

/**
 * Tokens the decoder's self-attention cache must hold: the longest target, behind the source for a decoder-only model,
 * which reads it as the beginning of its own text.
 */
export function cacheCapacity(config: ModelConfig): number {
  return config.architecture === "decoder-only" ? config.maxSource + config.maxTarget : config.maxTarget;
}

/**
 * The encoder: source ids and lengths in, cross-attention keys and values of every decoder layer out.
 *
 * @throws SlmError OP_UNSUPPORTED if the target has no operator for the model's heads.
 */
export function encoderGraph(
  checkpoint: Checkpoint & { readonly config: EncoderDecoderConfig },
  options: GraphOptions = {},
): Graph {
  const { config, weights } = groupHeads(checkpoint);
  const { batch, source } = options.placeholders ?? PLACEHOLDERS;
  const table = cpuLowerings(weights, { maxPositions: config.maxSource });
  return record("encoder", table, options, (recorder) => {
    const { builder } = recorder;
    const ids = recorder.tensor(
      builder.input(GRAPH_IO.sourceIds, "int32", ["batch", "source"]),
      [batch, source],
      "int32",
    );
    const lengths = recorder.tensor(
      builder.input(GRAPH_IO.sourceLengths, "int32", ["batch"]),
      [batch],
      "int32",
    );
    const parameters = parameterTensors(recorder, config, weights);
    const encoded = encode(config, parameters, ids, { lengths });
    const bias = lengthBias({ lengths, ids }, {});
    builder.output(GRAPH_IO.sourceBias, recorder.nameOf(bias), "float32", BIAS_SHAPE);
    crossCaches(config, parameters, encoded).forEach(({ key, value }, layer) => {
      builder.output(GRAPH_IO.crossKey(layer), recorder.nameOf(key), "float32", crossKeyShape(config));
      builder.output(GRAPH_IO.crossValue(layer), recorder.nameOf(value), "float32", crossValueShape(config));
    });
  });
}

/**
 * The decoder of either architecture: new tokens and caches in, logits of the last position and updated caches out.
 * That the caches may be updated in place is proved here.
 *
 * A run over several tokens of several rows must start with empty caches; later runs take one token, or one row: that
 * is what GroupQueryAttention computes (onnxruntime 1.30), and it refuses the rest by name.
 *
 * @throws SlmError OP_UNSUPPORTED if the target has no operator for the model's heads.
 */
export function decoderGraph(checkpoint: Checkpoint, options: GraphOptions = {}): Graph {
  const { config, weights } = groupHeads(checkpoint);
  const { batch, target } = options.placeholders ?? PLACEHOLDERS;
  const capacity = cacheCapacity(config);
  const cacheShape = ["batch", config.kvHeads, "capacity", config.headDim];
  const pairs: InPlacePair[] = [];
  const table = cpuLowerings(weights, { maxPositions: capacity });
  const graph = record("decoder", table, options, (recorder) => {
    const { builder } = recorder;
    const ids = recorder.tensor(
      builder.input(GRAPH_IO.targetIds, "int32", ["batch", "target"]),
      [batch, target],
      "int32",
    );
    const pastLength = recorder.tensor(builder.input(GRAPH_IO.pastLength, "int32", [1]), [1], "int32");
    const layers = Array.from({ length: config.decoderLayers }, (_, layer) => layer);
    const cache = (name: string): Tensor =>
      recorder.tensor(builder.input(name, "float32", cacheShape), [
        batch,
        config.kvHeads,
        capacity,
        config.headDim,
      ]);
    const past = layers.map((layer) => ({
      key: cache(GRAPH_IO.pastKey(layer)),
      value: cache(GRAPH_IO.pastValue(layer)),
    }));
    const source = sourceContext(recorder, config, options.placeholders ?? PLACEHOLDERS);
    const parameters = parameterTensors(recorder, config, weights);
    const step = decodeStep(config, parameters, ids, { source, caches: past, capacity, pastLength });
    const logits = outputInDecoder(recorder, parameters, step.hidden);
    builder.output(GRAPH_IO.logits, recorder.nameOf(logits), "float32", ["batch", config.vocabularySize]);
    step.caches.forEach(({ key, value }, layer) => {
      builder.output(GRAPH_IO.presentKey(layer), recorder.nameOf(key), "float32", cacheShape);
      builder.output(GRAPH_IO.presentValue(layer), recorder.nameOf(value), "float32", cacheShape);
      pairs.push({ input: GRAPH_IO.pastKey(layer), output: GRAPH_IO.presentKey(layer) });
      pairs.push({ input: GRAPH_IO.pastValue(layer), output: GRAPH_IO.presentValue(layer) });
    });
  });
  assertInPlaceSafe(graph, pairs);
  return graph;
}

const BIAS_SHAPE = ["batch", 1, 1, "source"] as const;
const crossKeyShape = ({ kvHeads, headDim }: ModelConfig): (number | string)[] => [
  "batch",
  kvHeads,
  headDim,
  "source",
];
const crossValueShape = ({ kvHeads, headDim }: ModelConfig): (number | string)[] => [
  "batch",
  kvHeads,
  "source",
  headDim,
];

function record(
  name: string,
  table: LoweringTable,
  { metadata }: GraphOptions,
  body: (recorder: Recorder) => void,
): Graph {
  registerRecordingBackend();
  const recorder = new Recorder(name, { forwardOnly: true });
  withRecorder(recorder, () => {
    withLowering(table, () => {
      body(recorder);
    });
  });
  const graph = { ...optimizeGraph(recorder.builder.build()), metadata: { ...metadata } };
  checkGraph(graph);
  return graph;
}

/** Handles by which lowerings find the weights: named like them, stored in the graph only when used. */
function parameterTensors(recorder: Recorder, config: ModelConfig, weights: Weights): Parameters {
  const handles: Record<string, Tensor> = {};
  for (const { name, shape } of parameterSpecs(config)) {
    if (weights.has(name)) handles[name] = recorder.tensor(name, shape);
  }
  return handles;
}

/** The encoder's outputs as inputs of the decoder; nothing for a decoder-only model. */
function sourceContext(
  recorder: Recorder,
  config: ModelConfig,
  sizes: PlaceholderSizes,
): SourceContext | undefined {
  if (config.architecture === "decoder-only") return undefined;
  const { builder } = recorder;
  const { batch, source } = sizes;
  const { kvHeads, headDim, decoderLayers } = config;
  const input = (name: string, dims: readonly (number | string)[], shape: number[]): Tensor =>
    recorder.tensor(builder.input(name, "float32", dims), shape);
  const bias = input(GRAPH_IO.sourceBias, BIAS_SHAPE, [batch, 1, 1, source]);
  const cross = Array.from({ length: decoderLayers }, (_, layer) => ({
    key: input(GRAPH_IO.crossKey(layer), crossKeyShape(config), [batch, kvHeads, headDim, source]),
    value: input(GRAPH_IO.crossValue(layer), crossValueShape(config), [batch, kvHeads, source, headDim]),
  }));
  return { cross, bias };
}

function outputInDecoder({ builder }: Recorder, parameters: Parameters, hidden: Tensor): Tensor {
  return builder.scope("decoder", () => outputHead(parameters, lastPosition({ x: hidden }, {})));
}
