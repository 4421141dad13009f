/** Reads the files of a model that do not depend on what runs it. */
import { SlmError } from "@slm/core";
import { readDeviceModel, type DeviceModel } from "@slm/exported-model";
import { parseGenerationSettings, type GenerationSettings } from "@slm/generation";
import { type Tokenizer, type TokenizerFiles, openTokenizer, readTokenizerFiles } from "@slm/tokenizer";

/** Contents of a model's directory, before any graph is loaded. */
export interface ModelDescription {
  readonly model: DeviceModel;
  readonly tokenizerFiles: TokenizerFiles;
  readonly tokenizer: Tokenizer;
  /** The model's own generation settings. */
  readonly generation: GenerationSettings;
}

/**
 * Reads `model.json` and the tokenizer, and checks that they match.
 *
 * @throws SlmError INPUT_MISSING for a missing file, DATA_INVALID for files that contradict each other.
 */
export async function describeModel(directory: string): Promise<ModelDescription> {
  const model = await readDeviceModel(directory);
  const tokenizerFiles = await readTokenizerFiles(directory);
  const tokenizer = await openTokenizer(tokenizerFiles);
  if (tokenizer.vocabularySize > model.vocabularySize) {
    throw new SlmError(
      "DATA_INVALID",
      `${directory}: the tokenizer has ${tokenizer.vocabularySize} tokens, the model only ${model.vocabularySize}`,
    );
  }
  const { encoder, decoder } = model.graphs;
  const needsEncoder = model.architecture === "encoder-decoder";
  if (decoder !== undefined && needsEncoder !== (encoder !== undefined)) {
    throw new SlmError(
      "DATA_INVALID",
      `${directory}: ${model.architecture} ${needsEncoder ? "needs an" : "has no"} encoder graph`,
    );
  }
  const generation = parseGenerationSettings(model.generation ?? {}, `${directory}: model.json: generation`);
  return { model, tokenizerFiles, tokenizer, generation };
}
