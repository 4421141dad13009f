/** An exported model directory with its graphs loaded: what can be run, and on what. */
import { type DeviceModel, readDeviceModel, resolveInside } from "@slm/artifact";
import { SlmError } from "@slm/error";
import type { Runtime, Session } from "@slm/runtime";
import { type Tokenizer, loadTokenizer } from "@slm/tokenizer";

export interface LoadedModel {
  readonly model: DeviceModel;
  readonly tokenizer: Tokenizer;
  /** Present exactly for an encoder-decoder. */
  readonly encoder: Session | undefined;
  readonly decoder: Session;
}

/**
 * Reads `model.json` and the tokenizer, and loads the graphs.
 *
 * @throws SlmError INPUT_MISSING for a file that is not there, DATA_INVALID for files that contradict one another.
 */
export async function loadModel(directory: string, runtime: Runtime): Promise<LoadedModel> {
  const model = await readDeviceModel(directory);
  const tokenizer = await loadTokenizer(directory);
  if (tokenizer.vocabularySize > model.vocabularySize) {
    throw new SlmError(
      "DATA_INVALID",
      `${directory}: the tokenizer has ${tokenizer.vocabularySize} tokens, the model only ${model.vocabularySize}`,
    );
  }
  const needsEncoder = model.architecture === "encoder-decoder";
  const { encoder: encoderFile, decoder: decoderFile } = model.graphs;
  if (needsEncoder !== (encoderFile !== undefined)) {
    throw new SlmError(
      "DATA_INVALID",
      `${directory}: ${model.architecture} ${needsEncoder ? "needs an" : "has no"} encoder graph`,
    );
  }
  const load = (file: string): Promise<Session> => {
    return runtime.load(
      { kind: "file", path: resolveInside(directory, file) },
      { name: `${model.name}/${file}` },
    );
  };
  const decoder = await load(decoderFile.file);
  try {
    const encoder = encoderFile === undefined ? undefined : await load(encoderFile.file);
    return { model, tokenizer, encoder, decoder };
  } catch (error) {
    await decoder.release();
    throw error;
  }
}
