/** Opens exported models on a runtime. */
import type { Model, GraphModelOptions } from "./model.js";
import { createModel } from "./decoding-model.js";
import { graphDecoding } from "./graph-decoding.js";
import type { Runtime } from "@slm/runtime";
import { loadGraphs } from "../load/model-graphs.js";

/**
 * Opens an exported, quantized or bundled model on a runtime.
 *
 * Reads: `model.json`, the graphs it names, `tokenizer.json`, `tokenizer_config.json`.
 *
 * @throws SlmError INPUT_MISSING for a missing file, DATA_INVALID for an invalid one.
 * @example
 * const model = await openGraphModel("runs/g2p/export", await createCpuRuntime());
 * const [{ text }] = await model.generate(["hello"]);
 */
export async function openGraphModel(
  directory: string,
  runtime: Runtime,
  options: GraphModelOptions = {},
): Promise<Model> {
  const { keptImageBytes, batchSize = 1 } = options;
  const loaded = await loadGraphs(directory, runtime, { keptImageBytes, batchSize });
  try {
    return createModel(graphDecoding(loaded), directory, options);
  } catch (error) {
    await loaded.close();
    throw error;
  }
}
