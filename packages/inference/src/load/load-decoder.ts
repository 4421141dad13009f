/** Loads the decoder of a model: as exported, edited, as two graphs, or with argmax outputs. */
import type { DeviceModel } from "@slm/exported-model";
import type { Graph } from "@slm/onnx";
import type { Runtime, Session } from "@slm/runtime";
import { loadEdited, loadListed, loadPicking, type SteppingDecoder } from "../graph-edits/load-edited.js";

/** Changes a graph before it is loaded. */
export type GraphEdit = (graph: Graph) => Graph;

/** A decoder's file. */
export interface DecoderFile {
  readonly runtime: Runtime;
  readonly path: string;
  /** Name in messages. */
  readonly name: string;
  /** Loads it unchanged, in a compiled form if one fits the device. */
  readonly asExported: () => Promise<Session>;
}

/**
 * Targets with decoders that get argmax outputs. On a CPU this makes a step faster. From a GPU, a token is copied instead of a row of logits.
 * NPU decoders have static shapes, and a browser loads graphs unchanged from the server.
 */
const PICKING_TARGETS: ReadonlySet<DeviceModel["target"]> = new Set(["cpu", "gpu"]);

/**
 * @param edit Absent: the decoder is prepared for runs of one token.
 * @throws SlmError the errors of loading and editing a graph
 */
export async function loadDecoder(
  { static: fixed, lexicalShortlist, target }: DeviceModel,
  { runtime, path, name, asExported }: DecoderFile,
  edit: GraphEdit | undefined,
): Promise<SteppingDecoder> {
  // NPU compilers need the exported static graphs, so those are never edited.
  if (fixed !== undefined) return { decoder: await asExported() };
  // As two graphs: the tokens allowed for a batch's sources are found once, and steps compute only their logits.
  if (lexicalShortlist === true && target === "cpu") return loadListed(runtime, path, name, edit);
  if (edit !== undefined) return { decoder: await loadEdited(runtime, path, edit, name) };
  // Argmax outputs are appended to the file's bytes, so that the graph is not parsed.
  if (PICKING_TARGETS.has(target)) return { decoder: await loadPicking(runtime, path, name) };
  return { decoder: await asExported() };
}
