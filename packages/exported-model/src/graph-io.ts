/** The contract between exporter and runtimes: names, shapes and types of the graphs' inputs and outputs. */
import type { DeviceModel } from "./device-model.js";

/**
 * Names of graph inputs and outputs (target `cpu`).
 *
 * ```text
 * vision    patches float32 [batch, rows, values] -> imageTokens float32 [batch, tokens, width]
 * encoder   sourceIds int32 [batch, text], sourceLengths int32 [batch] (image tokens and text), imageTokens of vision-language models
 *           -> sourceBias float32 [batch, 1, 1, source]: 0 at tokens, a large negative number at padding
 *              crossKey(l) float32 [batch, kvHeads, headDim, source]: stored transposed, on target cpu times 1 / sqrt(headDim)
 *              crossValue(l) float32 [batch, kvHeads, source, headDim]
 * decoder   targetIds int32 [batch, target], pastLength int32 [1]: tokens already in the cache, the same for all rows,
 *           pastKey(l), pastValue(l) float32 [batch, kvHeads, capacity, headDim], the encoder's outputs
 *           -> logits float32 [batch, vocab] of the last position
 *              presentKey(l), presentValue(l) float32, depending on the model's `caches`
 *                full    shaped as pastKey(l) and pastValue(l), which may be the same buffers
 *                delta   [batch, target, kvHeads * headDim], the new positions
 * ```
 *
 * Patches are in the layout of `patchRows` of @slm/vision. Image tokens come before the text, so `source` is tokens + text. In a model that
 * pools tokens, `source` is divided by its `pooledGroup` positions, rounded up.
 *
 * A decoder with a recurrence (`stateWidth`) has pastState(l) and presentState(l) instead of keys and values. With `full` caches
 * presentState(l) has the shape of pastState(l). A decoder-only model's decoder has no encoder inputs; its source is a prefix of targetIds.
 *
 * Static graphs (target npu) process one text and one new token at a time: sourceBias is an input of the encoder, and the decoder has
 * position int32 [1] instead of pastLength, and windowBias float32 [1, 1, 1, window] in addition to sourceBias. The chunk graph is a
 * decoder for several tokens; see `static-graphs.ts` of the exporter. With a recurrence there is no windowBias; pastState(l) float32 [1,
 * width] is the previous position's state, and presentState(l) is [target, width].
 */
export const GRAPH_IO = {
  patches: "patches",
  imageTokens: "image_tokens",
  sourceIds: "source_ids",
  sourceLengths: "source_lengths",
  sourceBias: "source_bias",
  crossKey: (layer: number): string => `cross.${String(layer)}.key`,
  crossValue: (layer: number): string => `cross.${String(layer)}.value`,
  /** With a lexical shortlist: float32 `[batch, vocab]`, which the decoder adds to its logits. */
  lexicalBias: "lexical_bias",
  targetIds: "target_ids",
  pastLength: "past_length",
  pastKey: (layer: number): string => `past.${String(layer)}.key`,
  pastValue: (layer: number): string => `past.${String(layer)}.value`,
  presentKey: (layer: number): string => `present.${String(layer)}.key`,
  presentValue: (layer: number): string => `present.${String(layer)}.value`,
  /** Caches of a decoder with `stateWidth`: past `[batch, 1, capacity, width]`, present `[batch, target, width]`. */
  pastState: (layer: number): string => `past.${String(layer)}.state`,
  presentState: (layer: number): string => `present.${String(layer)}.state`,
  position: "position",
  windowBias: "window_bias",
  logits: "logits",
  /** Outputs that a host adds to a decoder to avoid copying logits: the argmax token of each row of logits, and its log-probability. */
  bestIds: "best_ids",
  bestLogProbabilities: "best_log_probabilities",
} as const;

/**
 * Outputs of a graph that finds the most probable continuations of beams from a decoder's logits: int32 and float32 `[rows, count]`,
 * highest first, and log(sum(exp(logits))) of each row, `[rows, 1]`.
 */
export const CANDIDATES = {
  ids: "candidate_ids",
  logits: "candidate_logits",
  normalizers: "normalizers",
} as const;

/** Added to the logit of a token that no source token lists: its probability is zero in float32. */
export const LEXICAL_MASKED = -1e9;

/**
 * Values inside a decoder with a lexical shortlist, for the `listed` tokens that can answer any row of the batch. All except the last
 * depend only on the source, so a host can compute them once and pass them to every step instead of {@link GRAPH_IO.lexicalBias}.
 */
export const LISTED = {
  /** int64 `[listed]`, ascending. */
  ids: "listed.ids",
  /** Rows of the head, `[listed, width]`. */
  rows: "listed.rows",
  /** float32 `[batch, listed]`: biases of the head, and {@link LEXICAL_MASKED} at tokens that can answer only other rows. */
  bias: "listed.bias",
  /** float32 `[batch, listed]`: the values of {@link GRAPH_IO.logits} at these tokens. All other logits are masked. */
  logits: "listed.logits",
} as const;

/** Outputs of a dynamic encoder, which are inputs of the decoder. */
export function encoderOutputs({
  decoderLayers,
  lexicalShortlist,
}: Pick<DeviceModel, "decoderLayers" | "lexicalShortlist">): readonly string[] {
  const cross = Array.from({ length: decoderLayers }, (_, layer) => [
    GRAPH_IO.crossKey(layer),
    GRAPH_IO.crossValue(layer),
  ]);
  return [GRAPH_IO.sourceBias, ...(lexicalShortlist === true ? [GRAPH_IO.lexicalBias] : []), ...cross.flat()];
}

/**
 * Parts of decoders of target cpu that a host needs to give each row its own position: the shape of positions as a separate axis (one
 * position for all rows, or one for each), and the name of the `If` branch that computes one new token.
 */
export const ROW_POSITIONS = { shape: [-1, 1, 1, 1, 1], stepBranch: "step" } as const;
