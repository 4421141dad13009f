/**
 * Encoder-decoder graphs with the input and output names of transformers.js and Optimum: `encoder_model` and `decoder_model_merged`.
 *
 * ```
 * encoder  input_ids int64 [batch, source], attention_mask int64 [batch, source]
 *       -> last_hidden_state [batch, source, width]
 * decoder  input_ids int64 [batch, target], encoder_hidden_states, encoder_attention_mask int64 [batch, source],
 *          past_key_values.l.{decoder,encoder}.{key,value} [batch, kvHeads, past, headDim]
 *       -> logits float32 [batch, target, vocab], present.l.{decoder,encoder}.{key,value}
 * ```
 *
 * A vision-language model has another encoder (`transformers-image.ts`), and its decoder has no mask.
 *
 * Optimum merges two decoders with an `If`. This graph needs none: keys and values of the source are the past ones followed by those of the
 * encoder's hidden states that the past does not cover: all of them at the first step, none afterwards.
 */
import { SlmError } from "@slm/core";
import type { Graph } from "@slm/onnx";
import {
  crossCaches,
  decodeStep,
  encode,
  outputHead,
  pooledGroup,
  type EncoderDecoderConfig,
  type SelfCache,
  encoderWidth,
} from "@slm/model";
import { MASKED, type Recorder, type Tensor } from "@slm/tensor";
import { cast, concat, shapeOf, sizeOf } from "../lowerings/emit.js";
import type { LoweringVariants } from "../lowerings/lowering-variants.js";
import { maskBias } from "../lowerings/padding.js";
import { pooledMask } from "../lowerings/pool-tokens.js";
import type { Device } from "../settings/profiles.js";
import { recordGraph, type GraphSource, type Recording } from "./record.js";

/** Names of inputs and outputs. Source: optimum-onnx, exporters/onnx/model_configs.py. */
export const TRANSFORMERS_IO = {
  ids: "input_ids",
  encoderMask: "attention_mask",
  hidden: "last_hidden_state",
  encoderHidden: "encoder_hidden_states",
  decoderEncoderMask: "encoder_attention_mask",
  past: (layer: number, side: "decoder" | "encoder", part: "key" | "value") =>
    `past_key_values.${layer}.${side}.${part}`,
  present: (layer: number, side: "decoder" | "encoder", part: "key" | "value") =>
    `present.${layer}.${side}.${part}`,
  logits: "logits",
} as const;

/**
 * The library creates and concatenates caches with rows outermost, and they grow. Callers can request more tokens than a table of positions
 * has rows (the library's pipelines request 256). They then get poor tokens instead of an error.
 */
const VARIANTS: Pick<
  LoweringVariants,
  "selfAttention" | "cachedAttention" | "recurrence" | "crossKey" | "crossAttention" | "positionRows"
> = {
  positionRows: "GatherOrLast",
  selfAttention: "decomposed",
  cachedAttention: "growing",
  recurrence: "unsupported",
  crossKey: "rows",
  crossAttention: "decomposedRows",
};

/** Minimum number of positions in the rotary tables, for the same reason. */
export const MIN_POSITIONS = 1024;

/** The device with the lowering variants of this layout. @throws SlmError OP_UNSUPPORTED for static graphs and for bfloat16. */
export function transformersDevice(device: Device): Device {
  if (device.shapes === "static") {
    throw new SlmError(
      "OP_UNSUPPORTED",
      "export: layout transformers.js has dynamic shapes, but target npu needs static ones",
      { suggestions: ["--target web --layout transformers.js"] },
    );
  }
  if (device.precision === "bfloat16") {
    throw new SlmError("OP_UNSUPPORTED", "export: transformers.js does not support bfloat16 models", {
      suggestions: ["--precision float16"],
    });
  }
  return { ...device, operators: { ...device.operators, ...VARIANTS } };
}

const SOURCE_DIMS = ["batch_size", "encoder_sequence_length"] as const;

/** Symbolic length of the encoder's output. If tokens are pooled, it is shorter than the library's mask. */
const hiddenLength = (config: EncoderDecoderConfig): string =>
  pooledGroup(config) === 1 ? SOURCE_DIMS[1] : "pooled_sequence_length";

/** Records the encoder. */
export function transformersEncoderGraph(source: GraphSource<EncoderDecoderConfig>): Graph {
  const { config } = source;
  const positions = Math.max(config.maxSource, MIN_POSITIONS);
  return recordGraph(
    source,
    { name: "encoder_model", positions },
    ({ recorder, input, output, parameters }) => {
      const ids = input(TRANSFORMERS_IO.ids, "int64", [1, 1], SOURCE_DIMS);
      const attended = input(TRANSFORMERS_IO.encoderMask, "int64", [1, 1], SOURCE_DIMS);
      const mask = recorder.tensor(cast(recorder, recorder.nameOf(attended), "float32"), [1, 1]);
      const { states } = encode(config, parameters, ids, { mask });
      output(TRANSFORMERS_IO.hidden, states, "precision", [
        "batch_size",
        hiddenLength(config),
        encoderWidth(config),
      ]);
    },
  );
}

/** Records the decoder, for the first and all later steps. */
export function transformersDecoderGraph(source: GraphSource<EncoderDecoderConfig>): Graph {
  const { config } = source;
  const { kvHeads, headDim, decoderLayers, vocabularySize } = config;
  const width = encoderWidth(config);
  const positions = Math.max(config.maxTarget, MIN_POSITIONS);
  return recordGraph(source, { name: "decoder_model_merged", positions }, (recording) => {
    const { recorder, input, output, parameters } = recording;
    const bias = recorder.tensor(sourceBias(recording, config), [1, 1, 1, 1]);
    const ids = input(TRANSFORMERS_IO.ids, "int64", [1, 1], ["batch_size", "decoder_sequence_length"]);
    const hidden = input(
      TRANSFORMERS_IO.encoderHidden,
      "precision",
      [1, 1, width],
      ["batch_size", hiddenLength(config), width],
    );
    const pastOf = (side: "decoder" | "encoder", dim: string): { key: Tensor; value: Tensor }[] =>
      Array.from({ length: decoderLayers }, (_, layer) => {
        const past = (part: "key" | "value"): Tensor =>
          input(
            TRANSFORMERS_IO.past(layer, side, part),
            "precision",
            [1, kvHeads, 1, headDim],
            ["batch_size", kvHeads, dim, headDim],
          );
        return { key: past("key"), value: past("value") };
      });
    const caches = pastOf("decoder", "past_decoder_sequence_length");
    const past = pastOf("encoder", "past_encoder_sequence_length");
    const cross = extendedCross(recording, config, { hidden, past });
    const pastLength = recorder.tensor(sizeOf(recorder, recorder.nameOf(caches[0]!.key), 2), [1], "int32");
    const step = decodeStep(config, parameters, ids, {
      source: { cross, bias },
      caches,
      capacity: positions,
      pastLength,
    });
    const logits = recorder.builder.scope("decoder", () => {
      const made = recorder.nameOf(outputHead(config, parameters, step.hidden));
      const ended = endStaysEnd(recorder, {
        ids: recorder.nameOf(ids),
        pastLength: recorder.nameOf(pastLength),
        logits: made,
        config,
      });
      return recorder.tensor(ended, [1, 1, vocabularySize]);
    });
    output(TRANSFORMERS_IO.logits, logits, "float32", [
      "batch_size",
      "decoder_sequence_length",
      vocabularySize,
    ]);
    const presentOf = (side: "decoder" | "encoder", dim: string, made: readonly SelfCache[]): void => {
      made.forEach((parts, layer) => {
        for (const part of ["key", "value"] as const) {
          const name = TRANSFORMERS_IO.present(layer, side, part);
          output(name, parts[part]!, "precision", ["batch_size", kvHeads, dim, headDim]);
        }
      });
    };
    presentOf("decoder", "present_decoder_sequence_length", step.caches);
    presentOf("encoder", hiddenLength(config), cross);
  });
}

/** The mask of the source's padding. Images are not padded, and the library has no mask for them. */
function sourceBias({ recorder, input }: Recording, config: EncoderDecoderConfig): string {
  if (config.vision !== undefined) return recorder.builder.constant("float32", [1, 1, 1, 1], [0]);
  const attended = input(TRANSFORMERS_IO.decoderEncoderMask, "int64", [1, 1], SOURCE_DIMS);
  const mask = cast(recorder, recorder.nameOf(attended), "float32");
  return maskBias(recorder, pooledMask(recorder, mask, config));
}

/** Past keys and values of the source, followed by those of new hidden states. */
function extendedCross(
  { recorder, parameters }: Recording,
  config: EncoderDecoderConfig,
  source: {
    readonly hidden: Tensor;
    readonly past: readonly { readonly key: Tensor; readonly value: Tensor }[];
  },
): { key: Tensor; value: Tensor }[] {
  const { hidden, past } = source;
  const rest = tokensAfter(recorder, recorder.nameOf(hidden), recorder.nameOf(past[0]!.key));
  const fresh = crossCaches(config, parameters, recorder.tensor(rest, hidden.shape));
  return fresh.map(({ key, value }, layer) => {
    const join = (before: Tensor, after: Tensor): Tensor =>
      recorder.tensor(concat(recorder, [recorder.nameOf(before), recorder.nameOf(after)], 2), before.shape);
    return { key: join(past[layer]!.key, key), value: join(past[layer]!.value, value) };
  });
}

/** Hidden states `[batch, source, width]` from the end of a cache. */
function tokensAfter(recorder: Recorder, hidden: string, cache: string): string {
  const { builder } = recorder;
  const end = builder.ints([Number.MAX_SAFE_INTEGER]);
  return builder.op("Slice", [hidden, shapeOf(recorder, cache, 2), end, builder.ints([1])]);
}

interface EndPart {
  readonly ids: string;
  /** int32 [1] */
  readonly pastLength: string;
  readonly logits: string;
  readonly config: EncoderDecoderConfig;
}

/**
 * Forces an EOS token after an EOS token in logits `[batch, target, vocab]`: the library goes on generating in finished rows until all rows
 * of the batch have ended, and keeps the tokens. If answers also start with EOS (BART, NLLB), the first run is not changed.
 */
function endStaysEnd({ builder }: Recorder, { ids, pastLength, logits, config }: EndPart): string {
  const { vocabularySize, tokens } = config;
  const end = builder.constant("int64", [], [tokens.eos]);
  const isEnd = builder.op("Equal", [ids, end]);
  const hasEnded =
    tokens.bos === tokens.eos
      ? builder.op("And", [isEnd, builder.op("Greater", [pastLength, builder.constant("int32", [1], [0])])])
      : isEnd;
  const onlyEnd = new Float32Array(vocabularySize).fill(MASKED);
  onlyEnd[tokens.eos] = 0;
  const row = builder.constant("float32", [vocabularySize], onlyEnd);
  return builder.op("Where", [builder.op("Unsqueeze", [hasEnded, builder.ints([-1])]), row, logits]);
}
