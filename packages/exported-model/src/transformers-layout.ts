/**
 * File names that transformers.js expects in `onnx/`; shared by the exporter and quantization.
 *
 * Source: @huggingface/transformers 4.3.1 (utils/dtypes.js, models/session.js).
 */

/** Folder of the graphs. */
export const TRANSFORMERS_FOLDER = "onnx";

/** Role of each graph by file name, without the dtype suffix. */
export const TRANSFORMERS_GRAPHS = {
  encoder_model: "encoder",
  decoder_model_merged: "decoder",
  model: "decoder",
} as const;
export type TransformersGraph = keyof typeof TRANSFORMERS_GRAPHS;

/** File name suffixes by the library's option `dtype`. */
export const DTYPE_SUFFIXES = {
  fp32: "",
  fp16: "_fp16",
  q8: "_quantized",
  int8: "_int8",
  q4: "_q4",
} as const;
export type TransformersDtype = keyof typeof DTYPE_SUFFIXES;

/** Weights up to this size are stored in the graph file; larger ones are external data [bytes]. */
export const INLINE_LIMIT = 2 ** 28;

/** Name of the external data file of a graph. */
export const transformersWeightsFile = (graphFile: string): string => `${graphFile}_data`;

/** Entries of `config.json` for graphs with external data; empty if there are none. */
export function externalDataSettings(graphFiles: readonly string[]): object {
  if (graphFiles.length === 0) return {};
  const each = Object.fromEntries(graphFiles.map((file) => [file, 1]));
  return { "transformers.js_config": { use_external_data_format: each } };
}
