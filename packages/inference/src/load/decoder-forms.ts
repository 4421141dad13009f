/** How the decoder of a model is loaded: a table of forms, of which the first that suits is taken. */
import type { DeviceModel } from "@slm/exported-model";
import type { Graph } from "@slm/onnx";
import type { Runtime, Session } from "@slm/runtime";
import { loadEdited, loadListed, loadPicking, type SteppingDecoder } from "../graph-edits/load-edited.js";

/** Changes a graph before it is loaded. */
export type GraphEdit = (graph: Graph) => Graph;

/** What is asked of a decoder. */
export interface DecoderWish {
  /** Whether it may pick tokens where it runs, so that logits need not leave it. */
  readonly picks: boolean;
  /** Default: it is made for runs of one token. */
  readonly edit: GraphEdit | undefined;
}

/** A decoder's file. */
export interface DecoderFile {
  readonly runtime: Runtime;
  readonly path: string;
  /** For messages. */
  readonly name: string;
  /** Loads it as it is, in a compiled form where one fits the device. */
  readonly asExported: () => Promise<Session>;
}

interface DecoderForm {
  readonly suits: (model: DeviceModel, wish: DecoderWish) => boolean;
  readonly load: (file: DecoderFile, edit: GraphEdit | undefined) => Promise<SteppingDecoder>;
}

/**
 * Targets whose decoders get argmax outputs: on a CPU a step is faster so, and from a GPU a token crosses instead of a row of logits. Decoders
 * of NPUs have static shapes, and a page loads graphs as they lie on its server.
 */
const PICKING_TARGETS: ReadonlySet<DeviceModel["target"]> = new Set(["cpu", "gpu"]);

const FORMS: Readonly<Record<"exported" | "listed" | "edited" | "picking", DecoderForm>> = {
  /** As exported. A vendor's compiler takes graphs of fixed sizes as they are, so they are never changed. */
  exported: {
    suits: (model, { picks, edit }) =>
      model.static !== undefined || (edit === undefined && !(picks && PICKING_TARGETS.has(model.target))),
    load: async ({ asExported }) => ({ decoder: await asExported() }),
  },
  /** In two graphs: the tokens that may answer a batch's sources are found once, and steps compute the logits of these alone. */
  listed: {
    suits: ({ lexicalShortlist, target }, { picks }) =>
      picks && lexicalShortlist === true && target === "cpu",
    load: ({ runtime, path, name }, edit) => loadListed(runtime, path, name, edit),
  },
  /** Changed by the caller. */
  edited: {
    suits: (_, { edit }) => edit !== undefined,
    load: async ({ runtime, path, name }, edit = (graph) => graph) => ({
      decoder: await loadEdited(runtime, path, edit, name),
    }),
  },
  /** With argmax outputs that are added to the file's bytes, so that nothing is read. */
  picking: {
    suits: () => true,
    load: async ({ runtime, path, name }) => ({ decoder: await loadPicking(runtime, path, name) }),
  },
};

/** @throws SlmError what loading and editing a graph throws */
export async function loadDecoder(
  model: DeviceModel,
  file: DecoderFile,
  wish: DecoderWish,
): Promise<SteppingDecoder> {
  const form = Object.values(FORMS).find(({ suits }) => suits(model, wish))!; // The last suits every model.
  return form.load(file, wish.edit);
}
