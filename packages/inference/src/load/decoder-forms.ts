/** Chooses how the decoder of a model is loaded, from a table of forms. The first suitable form is used. */
import type { DeviceModel } from "@slm/exported-model";
import type { Graph } from "@slm/onnx";
import type { Runtime, Session } from "@slm/runtime";
import { loadEdited, loadListed, loadPicking, type SteppingDecoder } from "../graph-edits/load-edited.js";

/** Changes a graph before it is loaded. */
export type GraphEdit = (graph: Graph) => Graph;

/** What the caller needs from a decoder. */
export interface DecoderWish {
  /** Whether the decoder may pick tokens itself, so that logits stay on the device. */
  readonly picks: boolean;
  /** Default: prepare the decoder for runs of one token. */
  readonly edit: GraphEdit | undefined;
}

/** A decoder's file. */
export interface DecoderFile {
  readonly runtime: Runtime;
  readonly path: string;
  /** Name in messages. */
  readonly name: string;
  /** Loads it unchanged, in a compiled form if one fits the device. */
  readonly asExported: () => Promise<Session>;
}

interface DecoderForm {
  readonly suits: (model: DeviceModel, wish: DecoderWish) => boolean;
  readonly load: (file: DecoderFile, edit: GraphEdit | undefined) => Promise<SteppingDecoder>;
}

/**
 *
 * Targets with decoders that get argmax outputs. On a CPU this makes a step faster. From a GPU, a token is copied instead of a row of logits.
 * NPU decoders have static shapes, and a browser loads graphs unchanged from the server.
 */
const PICKING_TARGETS: ReadonlySet<DeviceModel["target"]> = new Set(["cpu", "gpu"]);

const FORMS: Readonly<Record<"exported" | "listed" | "edited" | "picking", DecoderForm>> = {
  /** As exported. NPU compilers need the exported static graphs, so those are never edited. */
  exported: {
    suits: (model, { picks, edit }) =>
      model.static !== undefined || (edit === undefined && !(picks && PICKING_TARGETS.has(model.target))),
    load: async ({ asExported }) => ({ decoder: await asExported() }),
  },
  /** As two graphs: the tokens allowed for a batch's sources are found once, and steps compute only their logits. */
  listed: {
    suits: ({ lexicalShortlist, target }, { picks }) =>
      picks && lexicalShortlist === true && target === "cpu",
    load: ({ runtime, path, name }, edit) => loadListed(runtime, path, name, edit),
  },
  /** Edited by the caller. */
  edited: {
    suits: (_, { edit }) => edit !== undefined,
    load: async ({ runtime, path, name }, edit = (graph) => graph) => ({
      decoder: await loadEdited(runtime, path, edit, name),
    }),
  },
  /** With argmax outputs appended to the file's bytes, so that the graph is not parsed. */
  picking: {
    suits: () => true,
    load: async ({ runtime, path, name }) => ({ decoder: await loadPicking(runtime, path, name) }),
  },
};

/** @throws SlmError the errors of loading and editing a graph */
export async function loadDecoder(
  model: DeviceModel,
  file: DecoderFile,
  wish: DecoderWish,
): Promise<SteppingDecoder> {
  const form = Object.values(FORMS).find(({ suits }) => suits(model, wish))!; // The last form suits every model.
  return form.load(file, wish.edit);
}
