/** An exported model directory with its graphs loaded: what can be run, and on what. */
import { type DeviceModel, type GraphName, graphsOf, readDeviceModel } from "@slm/exported-model";
import { resolveInside } from "@slm/core";
import { SlmError } from "@slm/core";
import type { Runtime, Session } from "@slm/runtime";
import { type Tokenizer, loadTokenizer } from "@slm/tokenizer";
import { everyPosition, withLikeliest } from "./graph-edits/likeliest.js";
import { loadEdited, loadPicking } from "./graph-edits/load-edited.js";
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

export interface LoadModelOptions {
  /** Whether the decoder is loaded so that one run checks several guessed tokens. Default: no. */
  readonly checksGuesses?: boolean;
}

/**
 * Weight formats that scale activations by the largest of a run: what follows one token would depend on the guesses behind it.
 */
const RUN_SCALED: ReadonlySet<string> = new Set(["int8-dynamic"]);

/** Targets whose decoders pick tokens themselves; of the others nobody has measured whether it pays. */
const PICKING_TARGETS: ReadonlySet<DeviceModel["target"]> = new Set(["cpu"]);

/**
 * Reads `model.json` and the tokenizer, and loads the graphs.
 *
 * @throws SlmError INPUT_MISSING for a file that is not there, DATA_INVALID for files that contradict one another.
 */
export async function loadModel(
  directory: string,
  runtime: Runtime,
  { checksGuesses = false }: LoadModelOptions = {},
): Promise<LoadedModel> {
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
  const nameOf = (file: string): string => `${model.name}/${file}`;
  const load = (file: string): Promise<Session> =>
    runtime.load({ kind: "file", path: resolveInside(directory, file) }, { name: nameOf(file) });
  const loadChecking = ({ file, scheme }: DeviceModel["graphs"]["decoder"]): Promise<Session> => {
    if (RUN_SCALED.has(scheme)) {
      throw new SlmError(
        "OP_UNSUPPORTED",
        `${directory}: guesses would change the answers of a decoder quantized to ${scheme}`,
        { suggestions: ["slm quantize EXPORT --scheme cpu", "slm quantize EXPORT --scheme int4-block"] },
      );
    }
    return loadEdited(
      runtime,
      resolveInside(directory, file),
      (graph) => withLikeliest(everyPosition(graph)),
      nameOf(file),
    );
  };
  const loadDecoder = (graph: DeviceModel["graphs"]["decoder"]): Promise<Session> => {
    if (checksGuesses) return loadChecking(graph);
    return PICKING_TARGETS.has(model.target)
      ? loadPicking(runtime, resolveInside(directory, graph.file), nameOf(graph.file))
      : load(graph.file);
  };
  const sessions: Partial<Record<GraphName, Session>> = {};
  try {
    for (const { name, graph } of graphsOf(model)) {
      sessions[name] = await (name === "decoder" ? loadDecoder(graph) : load(graph.file));
    }
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
