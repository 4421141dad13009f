/** Opens exported models. */
import type { Model, OpenModelOptions } from "./model.js";
import type { Decoding } from "../load/decoding.js";
import { createModel } from "./decoding-model.js";
import { graphDecoding } from "./graph-decoding.js";
import type { Runtime } from "@slm/runtime";
import { checkPromptLookup } from "../options/draft-tokens.js";
import { loadGraphs } from "../load/model-graphs.js";
import { verifyingDecoder } from "../load/verifying-decoder.js";
import { portableDecoding, type PortableOptions } from "../portable/portable-decoding.js";
import { TeacherForcing } from "./teacher-forcing.js";

/**
 * Opens an exported, quantized or bundled model on a runtime.
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
  const { promptLookup, keptImageBytes, batchSize = 1, scores = false } = options;
  const { draftTokens } = scores ? { draftTokens: 0 } : options;
  checkPromptLookup(promptLookup);
  const editDecoder = promptLookup === undefined ? undefined : verifyingDecoder;
  const loaded = await loadGraphs(
    directory,
    runtime,
    // A model that scores chooses tokens from replaced logits.
    scores ? { picks: false, draftTokens } : { keptImageBytes, editDecoder, draftTokens, batchSize },
  );
  try {
    return modelOf(graphDecoding(loaded, { promptLookup, draftTokens }), directory, options);
  } catch (error) {
    await loaded.close();
    throw error;
  }
}

/** Options for opening the portable form of a model. */
export type OpenPortableOptions = Pick<PortableOptions, "module" | "reason"> &
  Pick<OpenModelOptions, "promptLookup" | "draftTokens" | "scores" | "closes">;

/**
 * Opens the portable form of an exported, quantized or bundled model, which needs no runtime.
 *
 * Reads: `model.json`, the first portable form it names, `tokenizer.json`, `tokenizer_config.json`.
 *
 * @throws SlmError INPUT_MISSING for a missing file, DATA_INVALID for an invalid one, OP_UNSUPPORTED for a model without a portable form
 * @example
 * const model = await openPortableModel("runs/g2p/export", { module: await readModule(), reason: "it was asked for" });
 */
export async function openPortableModel(directory: string, options: OpenPortableOptions): Promise<Model> {
  checkPromptLookup(options.promptLookup);
  const draftTokens = options.scores === true ? 0 : options.draftTokens;
  return modelOf(await portableDecoding(directory, { ...options, draftTokens }), directory, options);
}

function modelOf(
  decoding: Decoding,
  directory: string,
  { promptLookup, draftTokens, scores = false, closes }: OpenModelOptions,
): Model {
  const forcing = scores ? new TeacherForcing() : undefined;
  return createModel(decoding, { directory, promptLookup, draftTokens, forcing, closes });
}
