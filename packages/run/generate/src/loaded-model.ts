/** An exported model directory with its graphs loaded: what can be run, and on what. */
import { type DeviceModel, type GraphName, graphsOf, readDeviceModel, resolveInside } from "@slm/artifact";
import { SlmError } from "@slm/error";
import type { Runtime, Session } from "@slm/runtime";
import { type Tokenizer, loadTokenizer } from "@slm/tokenizer";

export interface LoadedModel {
  readonly model: DeviceModel;
  readonly tokenizer: Tokenizer;
  /** Present exactly for a model that sees. */
  readonly vision: Session | undefined;
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
  if (needsEncoder !== (model.graphs.encoder !== undefined)) {
    throw new SlmError(
      "DATA_INVALID",
      `${directory}: ${model.architecture} ${needsEncoder ? "needs an" : "has no"} encoder graph`,
    );
  }
  const sessions: Partial<Record<GraphName, Session>> = {};
  try {
    for (const { name, graph } of graphsOf(model)) {
      const path = resolveInside(directory, graph.file);
      sessions[name] = await runtime.load({ kind: "file", path }, { name: `${model.name}/${graph.file}` });
    }
  } catch (error) {
    for (const session of Object.values(sessions)) await session.release();
    throw error;
  }
  const { vision, encoder, decoder } = sessions;
  return { model, tokenizer, vision, encoder, decoder: decoder! };
}
