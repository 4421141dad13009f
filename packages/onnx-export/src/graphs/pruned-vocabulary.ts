/**
 * Pruned vocabulary: the decoder's embedding and head have only the rows of a shortlist of tokens, so that a step reads and multiplies
 * less. Its inputs and outputs still use the ids of the whole vocabulary.
 *
 * ```
 * target_ids ─► Gather (place of each token on the list) ─► embedding of n rows ─► ... ─► head of n rows
 *            ─► Pad by one that is never chosen ─► Gather (place of each token, or that one) ─► logits [batch, vocabulary]
 * ```
 */
import { int } from "@slm/onnx";
import { OPTIONAL_WEIGHTS, type ModelConfig, type Parameters } from "@slm/model";
import type { Recorder, Tensor } from "@slm/tensor";
import { shortTable, tablesOf, type Shortlist } from "../weights/shortlist.js";

/** Logit of a token that is not on the list: its probability is zero in float32, and every format can represent it. */
const MASKED_LOGIT = -1e9;

/** The differences between a decoder with the whole vocabulary and one with a pruned vocabulary. */
export interface PrunedVocabulary {
  readonly config: ModelConfig;
  readonly parameters: Parameters;
  /** Columns of the result of `logitsOf`: the whole vocabulary. */
  readonly logitsSize: number;
  /** Maps ids of the vocabulary to rows of the tables. */
  readonly rowsOf: (ids: Tensor) => Tensor;
  /** Maps logits of the rows `[..., rows]` to logits of the vocabulary `[..., vocabulary]`. */
  readonly logitsOf: (logits: Tensor) => Tensor;
}

export const allTokens = (config: ModelConfig, parameters: Parameters): PrunedVocabulary => ({
  config,
  parameters,
  logitsSize: config.vocabularySize,
  rowsOf: (ids) => ids,
  logitsOf: (logits) => logits,
});

/** @param recorder of the decoder's graph, whose weights include the short tables (`withShortTables`) */
export function fewTokens(
  recorder: Recorder,
  { config, parameters, shortlist }: { config: ModelConfig; parameters: Parameters; shortlist: Shortlist },
): PrunedVocabulary {
  const { builder } = recorder;
  const { vocabularySize, width, tokens } = config;
  const rows = shortlist.length;
  const placeOf = new Map(shortlist.map((token, place) => [token, place]));
  const places = (otherwise: number): number[] =>
    Array.from({ length: vocabularySize }, (_, token) => placeOf.get(token) ?? otherwise);
  const tables = tablesOf(config).map((name): [string, Tensor] => [
    name,
    recorder.tensor(shortTable(name), name === OPTIONAL_WEIGHTS.headBias ? [rows] : [rows, width]),
  ]);
  return {
    config: { ...config, vocabularySize: rows },
    parameters: { ...parameters, ...Object.fromEntries(tables) },
    logitsSize: vocabularySize,
    rowsOf: (ids) => {
      const table = builder.constant("int32", [vocabularySize], places(placeOf.get(tokens.unknown)!));
      const places32 = builder.op("Gather", [table, recorder.nameOf(ids)]);
      return recorder.tensor(places32, ids.shape, "int32");
    },
    logitsOf: (logits) => {
      const masked = builder.constant("float32", [], [MASKED_LOGIT]);
      const before = logits.shape.map(() => 0);
      const after = logits.shape.map((_, axis) => (axis === logits.shape.length - 1 ? 1 : 0));
      const pads = builder.ints([...before, ...after]);
      const padded = builder.op("Pad", [recorder.nameOf(logits), pads, masked]);
      const table = builder.constant("int32", [vocabularySize], places(rows));
      const all = builder.op("Gather", [padded, table], { attributes: { axis: int(-1) } });
      return recorder.tensor(all, [...logits.shape.slice(0, -1), vocabularySize]);
    },
  };
}
