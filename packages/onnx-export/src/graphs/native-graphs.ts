/** Graphs with dynamic shapes, with the inputs and outputs of GRAPH_IO: targets cpu, gpu and web. */
import { cacheTensors, GRAPH_IO, type CacheTensor } from "@slm/exported-model";
import { assertInPlaceSafe, type Graph, type InPlacePair } from "@slm/onnx";
import {
  cacheCapacity,
  cacheParts,
  crossCaches,
  decodeStep,
  encode,
  outputHead,
  pooledGroup,
  stateWidthOf,
  type EncoderDecoderConfig,
  type ModelConfig,
  type SelfCache,
  type SourceContext,
} from "@slm/model";
import { lastPosition, lengthBias, type Tensor } from "@slm/tensor";
import { lexicalBias, lexicalLogits } from "./lexical-bias.js";
import { recordGraph, type GraphSource, type Recording } from "./record.js";
import { allTokens, fewTokens, type PrunedVocabulary } from "./pruned-vocabulary.js";
import { imageTokensInput } from "./vision-graph.js";

/** Placeholder sizes of tensors during recording. The graph must not depend on them. */
export interface PlaceholderSizes {
  readonly batch: number;
  readonly source: number;
  readonly target: number;
}

const PLACEHOLDERS: PlaceholderSizes = { batch: 1, source: 1, target: 1 };

/**
 * Records the encoder. Inputs: source ids and lengths, and image tokens for a vision-language model. Outputs: cross-attention keys and
 * values of every decoder layer.
 *
 * @throws SlmError OP_UNSUPPORTED if the profile has no operator for the model's head size.
 */
export function encoderGraph(
  source: GraphSource<EncoderDecoderConfig>,
  { batch, source: length }: PlaceholderSizes = PLACEHOLDERS,
): Graph {
  const { config } = source;
  return recordGraph(source, { name: "encoder", positions: config.maxSource }, (recording) => {
    const { input, output, parameters } = recording;
    const image = imageTokensInput(source, recording, batch);
    const text = image === undefined ? "source" : "text";
    const ids = input(GRAPH_IO.sourceIds, "int32", [batch, length], ["batch", text]);
    const lengths = input(GRAPH_IO.sourceLengths, "int32", [batch], ["batch"]);
    const { states, padding } = encode(config, parameters, ids, { lengths }, image);
    // Only images and pooling make the encoder's output longer or shorter than the ids.
    const isAsLong = image === undefined && pooledGroup(config) === 1;
    const bias = lengthBias({ lengths: padding.lengths, ids: isAsLong ? ids : states }, {});
    output(GRAPH_IO.sourceBias, bias, "float32", BIAS_SHAPE);
    if (source.lexical !== undefined)
      output(
        GRAPH_IO.lexicalBias,
        lexicalBias(recording.recorder, source.lexical, ids),
        "float32",
        logitsShape(config),
      );
    crossCaches(config, parameters, states).forEach(({ key, value }, layer) => {
      output(GRAPH_IO.crossKey(layer), key, "precision", crossKeyShape(config));
      output(GRAPH_IO.crossValue(layer), value, "precision", crossValueShape(config));
    });
  });
}

/**
 * Records the decoder of either architecture. Inputs: new tokens and caches. Outputs: logits of the last position, and whole caches or only
 * their new positions, depending on the profile. It also proves that caches can be updated in place.
 *
 * With GroupQueryAttention (onnxruntime 1.30) a run over several tokens of several rows must start with empty caches. Later runs can have
 * one token or one row; the operator reports an error otherwise.
 *
 * @throws SlmError OP_UNSUPPORTED if the profile has no operator for the model's head size.
 */
export function decoderGraph(source: GraphSource, sizes: PlaceholderSizes = PLACEHOLDERS): Graph {
  const { config } = source;
  const { batch, target } = sizes;
  const capacity = cacheCapacity(config);
  const tensors = cacheTensors({ ...config, stateWidth: stateWidthOf(config) });
  const pastShape = ({ heads, width }: CacheTensor): (number | string)[] => [
    "batch",
    heads,
    "capacity",
    width,
  ];
  const form = source.device.caches;
  const isDelta = form === "delta";
  const pairs: InPlacePair[] = [];
  const graph = recordGraph(source, { name: "decoder", positions: capacity }, (recording) => {
    const { input, output } = recording;
    const spoken = prunedVocabulary(source, recording);
    const ids = spoken.rowsOf(input(GRAPH_IO.targetIds, "int32", [batch, target], ["batch", "target"]));
    const pastLength = input(GRAPH_IO.pastLength, "int32", [1]);
    const parts = cacheParts(config);
    const inputs = tensors.map((cache) =>
      input(cache.past, "precision", [batch, cache.heads, capacity, cache.width], pastShape(cache)),
    );
    const caches = Array.from({ length: config.decoderLayers }, (_, layer): SelfCache =>
      Object.fromEntries(parts.map((part, at) => [part, inputs[layer * parts.length + at]!])),
    );
    const context = sourceContext(recording, config, sizes);
    const step = decodeStep(spoken.config, spoken.parameters, ids, {
      source: context,
      caches,
      capacity,
      pastLength,
      form,
    });
    const logits =
      source.lexical === undefined
        ? spoken.logitsOf(lastLogits({ ...recording, ...spoken }, spoken.config, step.hidden))
        : ofSource(recording, config, step.hidden);
    output(GRAPH_IO.logits, logits, "float32", logitsShape(config));
    const outputs = step.caches.flatMap((cache) => parts.map((part) => cache[part]!));
    tensors.forEach((cache, at) => {
      const { heads, width } = cache;
      const shape = isDelta ? ["batch", "target", heads * width] : pastShape(cache);
      output(cache.present, outputs[at]!, "precision", shape);
      if (!isDelta) pairs.push({ input: cache.past, output: cache.present });
    });
  });
  assertInPlaceSafe(graph, pairs);
  return graph;
}

function prunedVocabulary(
  { config, shortlist }: GraphSource,
  { recorder, parameters }: Recording,
): PrunedVocabulary {
  return shortlist === undefined
    ? allTokens(config, parameters)
    : fewTokens(recorder, { config, parameters, shortlist });
}

/** Emits logits `[batch, vocab]` of the last position. */
function lastLogits({ recorder, parameters }: Recording, config: ModelConfig, hidden: Tensor): Tensor {
  return recorder.builder.scope("decoder", () =>
    outputHead(config, parameters, lastPosition({ x: hidden }, {})),
  );
}

const logitsShape = ({ vocabularySize }: ModelConfig): (number | string)[] => ["batch", vocabularySize];

/** Emits logits of the last position, only for the tokens of the lexical shortlist. */
function ofSource(recording: Recording, config: ModelConfig, hidden: Tensor): Tensor {
  const { recorder, input } = recording;
  const [batch] = hidden.shape;
  const bias = input(GRAPH_IO.lexicalBias, "float32", [batch, config.vocabularySize], logitsShape(config));
  return recorder.builder.scope("decoder", () =>
    lexicalLogits(recording, config, lastPosition({ x: hidden }, {}), bias),
  );
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

/** Declares the encoder's outputs as decoder inputs; none for a decoder-only model. */
function sourceContext(
  { input }: Recording,
  config: ModelConfig,
  { batch, source }: PlaceholderSizes,
): SourceContext | undefined {
  if (config.architecture === "decoder-only") return undefined;
  const { kvHeads, headDim, decoderLayers } = config;
  const bias = input(GRAPH_IO.sourceBias, "float32", [batch, 1, 1, source], BIAS_SHAPE);
  const key = [batch, kvHeads, headDim, source];
  const value = [batch, kvHeads, source, headDim];
  const cross = Array.from({ length: decoderLayers }, (_, layer) => ({
    key: input(GRAPH_IO.crossKey(layer), "precision", key, crossKeyShape(config)),
    value: input(GRAPH_IO.crossValue(layer), "precision", value, crossValueShape(config)),
  }));
  return { cross, bias };
}
