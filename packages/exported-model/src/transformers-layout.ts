/**
 * Names that transformers.js looks for below `onnx/`, for what writes that layout and what quantizes it.
 *
 * Source: @huggingface/transformers 4.3.1 (utils/dtypes.js, models/session.js).
 */

/** Folder of the graphs. */
export const TRANSFORMERS_FOLDER = "onnx";

/** Graphs by name, without the suffix of their dtype: what each is to a model. */
export const TRANSFORMERS_GRAPHS = {
  encoder_model: "encoder",
  decoder_model_merged: "decoder",
  model: "decoder",
} as const;
export type TransformersGraph = keyof typeof TRANSFORMERS_GRAPHS;

/** Ends of file names by the `dtype` that the library is asked for. */
export const DTYPE_SUFFIXES = {
  fp32: "",
  fp16: "_fp16",
  q8: "_quantized",
  int8: "_int8",
  q4: "_q4",
} as const;
export type TransformersDtype = keyof typeof DTYPE_SUFFIXES;

/** Graphs hold their weights up to this size, so that one file is one model; larger ones have a file beside them [bytes]. */
export const INLINE_LIMIT = 2 ** 28;

/** Name of the file beside a graph. */
export const transformersWeightsFile = (graphFile: string): string => `${graphFile}_data`;

/** What `config.json` says of graphs whose weights lie beside them; nothing if there are none. */
export function externalDataSettings(graphFiles: readonly string[]): object {
  if (graphFiles.length === 0) return {};
  const each = Object.fromEntries(graphFiles.map((file) => [file, 1]));
  return { "transformers.js_config": { use_external_data_format: each } };
}
