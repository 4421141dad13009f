/**
 * Graphs with static shapes (target npu): one text at a time, masks and positions as inputs, no control flow, rank 4 at most. There is one
 * set per source length; a decoder-only model has one set.
 *
 * ```
 * encoder  source_ids int32 [1, source], source_bias float32 [1, 1, 1, source]; of a vision-language model
 *          image_tokens [1, tokens, width] before source_ids [1, source - tokens]
 *       -> cross.l.key [1, kvHeads, headDim, source], cross.l.value [1, kvHeads, source, headDim]; of a model that pools tokens
 *          fewer positions than source, there and in the decoder
 * decoder  target_ids int32 [1, n], position int32 [n], of an encoder-decoder source_bias and cross.l.* as above,
 *          window_bias float32 [1, 1, n, window - 1 + n]: slots 0 to window - 2 of the caches, then the tokens themselves
 *          past.l.key [1, kvHeads, headDim, window - 1], past.l.value [1, kvHeads, window - 1, headDim]
 *       -> logits float32 [n, vocab],
 *          present.l.key [1, kvHeads, headDim, n], present.l.value [1, kvHeads, n, headDim]
 * ```
 *
 * n is 1 in the decoder and `chunk` in the chunk graph, which reads prompts.
 *
 * A decoder with a recurrence (`stateWidth`) has no window_bias. In place of keys and values it has past.l.state [1, width], the state
 * before its tokens, and present.l.state [n, width].
 *
 * The host pads the source, sets biases to 0 at positions to attend and to STATIC_MASKED elsewhere, and writes each token's keys and values
 * into the slot of its position.
 */
import { GRAPH_IO } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import type { Graph } from "@slm/onnx";
import {
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
} from "@slm/model";
import type { Tensor } from "@slm/tensor";
import { recordGraph, type GraphSource, type Recording } from "./record.js";
import { pooledBias } from "../lowerings/pool-tokens.js";
import { imageTokensInput } from "./vision-graph.js";

/** Sizes of one set of graphs [tokens]. */
export interface StaticSizes {
  /** Tokens of image and text; for a decoder-only model tokens of the longest prompt. */
  readonly source: number;
  readonly window: number;
  /** New tokens in a run of the chunk graph. Absent: no chunk graph. */
  readonly chunk?: number | undefined;
}

/** @throws SlmError OP_UNSUPPORTED for a decoder-only model */
export function requireEncoder(config: ModelConfig): EncoderDecoderConfig {
  if (config.architecture === "encoder-decoder") return config;
  throw new SlmError(
    "OP_UNSUPPORTED",
    "export: this graph supports only encoder-decoder models; this one is decoder-only",
    { suggestions: ["--target cpu", "--target gpu"] },
  );
}

/** Records the encoder for sources of up to `source` tokens, image tokens included. */
export function staticEncoderGraph(source: GraphSource<EncoderDecoderConfig>, sizes: StaticSizes): Graph {
  const { config } = source;
  const spec = {
    name: `encoder.${sizes.source}`,
    positions: sizes.source,
    biases: { sourceBias: GRAPH_IO.sourceBias },
  };
  return recordGraph(source, spec, (recording) => {
    const { recorder, input, output, parameters } = recording;
    const image = imageTokensInput(source, recording, 1);
    const ids = input(GRAPH_IO.sourceIds, "int32", [1, sizes.source - (image?.shape[1] ?? 0)]);
    input(GRAPH_IO.sourceBias, "float32", [1, 1, 1, sizes.source]);
    // Static graphs read the bias above; this mask only indicates that there is padding.
    const mask = recorder.tensor(GRAPH_IO.sourceBias, [1, sizes.source]);
    const { states } = encode(config, parameters, ids, { mask }, image);
    crossCaches(config, parameters, states).forEach(({ key, value }, layer) => {
      output(GRAPH_IO.crossKey(layer), key, "precision", key.shape);
      output(GRAPH_IO.crossValue(layer), value, "precision", value.shape);
    });
  });
}

/** Records the decoder for `tokens` new tokens. */
export function staticDecoderGraph(source: GraphSource, sizes: StaticSizes, tokens = 1): Graph {
  const { config } = source;
  const { kvHeads, headDim, vocabularySize } = config;
  const { window } = sizes;
  const slots = window - 1;
  const spec = {
    name: `${tokens === 1 ? "decoder" : "chunk"}.${sizes.source}`,
    positions: window,
    biases: { windowBias: GRAPH_IO.windowBias },
  };
  return recordGraph(source, spec, (recording) => {
    const { input, output, parameters } = recording;
    const ids = input(GRAPH_IO.targetIds, "int32", [1, tokens]);
    const pastLength = input(GRAPH_IO.position, "int32", [tokens]);
    const stateWidth = stateWidthOf(config);
    if (stateWidth === undefined) input(GRAPH_IO.windowBias, "float32", [1, 1, tokens, slots + tokens]);
    const caches = Array.from({ length: config.decoderLayers }, (_, layer): SelfCache =>
      stateWidth === undefined
        ? {
            key: input(GRAPH_IO.pastKey(layer), "precision", [1, kvHeads, headDim, slots]),
            value: input(GRAPH_IO.pastValue(layer), "precision", [1, kvHeads, slots, headDim]),
          }
        : { state: input(GRAPH_IO.pastState(layer), "precision", [1, stateWidth]) },
    );
    const context = staticContext(recording, config, sizes.source);
    const step = decodeStep(config, parameters, ids, {
      source: context,
      caches,
      capacity: window,
      pastLength,
    });
    const logits = rowLogits(recording, config, step.hidden);
    output(GRAPH_IO.logits, logits, "float32", [tokens, vocabularySize]);
    const presentNames = {
      key: GRAPH_IO.presentKey,
      value: GRAPH_IO.presentValue,
      state: GRAPH_IO.presentState,
    };
    step.caches.forEach((cache, layer) => {
      for (const part of cacheParts(config))
        output(presentNames[part](layer), cache[part]!, "precision", cache[part]!.shape);
    });
  });
}

/** Emits logits `[tokens, vocab]` of rows, which tensors describe as `[1, tokens, width]`. */
function rowLogits({ recorder, parameters }: Recording, config: ModelConfig, hidden: Tensor): Tensor {
  const rows = recorder.tensor(recorder.nameOf(hidden), hidden.shape.slice(1));
  return recorder.builder.scope("decoder", () => outputHead(config, parameters, rows));
}

/** Declares the source as inputs; none for a decoder-only model. */
function staticContext(
  { input, recorder }: Recording,
  config: ModelConfig,
  source: number,
): Parameters<typeof decodeStep>[3]["source"] {
  if (config.architecture === "decoder-only") return undefined;
  const { kvHeads, headDim, decoderLayers } = config;
  const given = input(GRAPH_IO.sourceBias, "float32", [1, 1, 1, source]);
  const group = pooledGroup(config);
  const positions = source / group;
  const bias =
    group === 1
      ? given
      : recorder.tensor(pooledBias(recorder, recorder.nameOf(given), group), [1, 1, 1, positions]);
  const cross = Array.from({ length: decoderLayers }, (_, layer) => ({
    key: input(GRAPH_IO.crossKey(layer), "precision", [1, kvHeads, headDim, positions]),
    value: input(GRAPH_IO.crossValue(layer), "precision", [1, kvHeads, positions, headDim]),
  }));
  return { cross, bias };
}
