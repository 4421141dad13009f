/** An exported model directory with its graphs loaded: what can be run, and on what. */
import { type DeviceModel, type GraphName, graphsOf, readDeviceModel, resolveInside } from "@slm/artifact";
import { SlmError } from "@slm/error";
import type { Runtime, Session } from "@slm/runtime";
import { type Tokenizer, loadTokenizer } from "@slm/tokenizer";
import { type StaticBuckets, openBuckets } from "./static/buckets.js";

export interface LoadedModel {
  readonly model: DeviceModel;
  readonly tokenizer: Tokenizer;
  /** Present exactly for a model that sees. */
  readonly vision: Session | undefined;
  /** Present exactly for an encoder-decoder. */
  readonly encoder: Session | undefined;
  readonly decoder: Session;
  /** Present exactly for graphs of fixed sizes (target npu); `encoder` and `decoder` are then those of the longest source. */
  readonly buckets?: StaticBuckets;
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
  const load = (file: string): Promise<Session> => {
    const path = resolveInside(directory, file);
    return runtime.load({ kind: "file", path }, { name: `${model.name}/${file}` });
  };
  const sessions: Partial<Record<GraphName, Session>> = {};
  try {
    for (const { name, graph } of graphsOf(model)) sessions[name] = await load(graph.file);
  } catch (error) {
    for (const session of Object.values(sessions)) await session.release();
    throw error;
  }
  const { vision, encoder, decoder } = sessions;
  const loaded = { model, tokenizer, vision, encoder, decoder: decoder! };
  const buckets =
    encoder === undefined ? undefined : openBuckets(model, { encoder, decoder: decoder! }, load);
  return buckets === undefined ? loaded : { ...loaded, buckets };
}
