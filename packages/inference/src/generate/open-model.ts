/** Opens exported models. */
import type { Model, OpenModelOptions } from "./model.js";
import { createModel } from "./graph-model.js";
import type { Runtime } from "@slm/runtime";
import { checkPromptLookup } from "../options/draft-tokens.js";
import { loadGraphs } from "../load/model-graphs.js";
import { verifyingDecoder } from "../load/verifying-decoder.js";
import { TeacherForcing } from "./teacher-forcing.js";

/**
 * Opens an exported, quantized or bundled model.
 *
 * Reads: `model.json`, the graphs it names, `tokenizer.json`, `tokenizer_config.json`.
 *
 * @throws SlmError INPUT_MISSING for a missing file, DATA_INVALID for an invalid one.
 * @example
 * const model = await openModel("runs/g2p/export", await createCpuRuntime());
 * const [{ text }] = await model.generate(["hello"]);
 */
export async function openModel(
  directory: string,
  runtime: Runtime,
  options: OpenModelOptions = {},
): Promise<Model> {
  const { promptLookup, draftTokens, keptImageBytes, batchSize = 1, scores = false, closes } = options;
  checkPromptLookup(promptLookup);
  if (scores) {
    const forcing = new TeacherForcing(runtime);
    // Tokens are chosen from the replaced logits.
    const graphs = await loadGraphs(directory, forcing.runtime, { picks: false, draftTokens: 0 });
    return createModel(graphs, { directory, draftTokens: 0, forcing, closes });
  }
  const editDecoder = promptLookup === undefined ? undefined : verifyingDecoder;
  const loaded = await loadGraphs(directory, runtime, {
    keptImageBytes,
    editDecoder,
    draftTokens,
    batchSize,
  });
  try {
    return createModel(loaded, { directory, promptLookup, draftTokens, closes });
  } catch (error) {
    await loaded.close();
    throw error;
  }
}
