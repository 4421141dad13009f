/** Edits a graph and loads the result. Nothing is written; the runtime loads large weights from their files. */
import { basename } from "node:path";
import { type Graph, encodeAddition, encodeLinked, type LinkedGraph, readLinked } from "@slm/onnx";
import type { Runtime, Session } from "@slm/runtime";
import { argmaxNodes, withArgmaxOutput } from "./argmax-output.js";
import { splitListed } from "./listed-decoder.js";
import { oneToken } from "./one-token.js";

/**
 * Reads a graph, edits it and loads the result. The edit sees zeros in place of large weights. A graph that it does not change is loaded from its file.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID, and the errors of the edit
 */
export async function loadEdited(
  runtime: Runtime,
  path: string,
  edit: (graph: Graph) => Graph,
  name = basename(path),
): Promise<Session> {
  const linked = await readLinked(path);
  return loadLinked(runtime, path, { linked, edited: edit(linked.graph), name });
}

/**
 * Loads a decoder with dynamic shapes and adds argmax outputs, without reading it.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID
 */
export function loadPicking(runtime: Runtime, path: string, name: string): Promise<Session> {
  return runtime.load({ kind: "file", path, added: encodeAddition(argmaxNodes("batch")) }, { name });
}

/** A decoder, and the graph that runs once per batch on the encoder's outputs. */
export interface SteppingDecoder {
  readonly decoder: Session;
  /** Absent for a decoder that reads the encoder's outputs directly. */
  readonly listing?: Session | undefined;
}

/**
 * Loads a decoder with a lexical shortlist.
 *
 * @param edit applied before the split. Default: prepare it for runs of one token that pick tokens.
 * @throws SlmError INPUT_MISSING, DATA_INVALID, and the errors of the edit
 */
export async function loadListed(
  runtime: Runtime,
  path: string,
  name: string,
  edit = (graph: Graph): Graph => withArgmaxOutput(oneToken(graph)),
): Promise<SteppingDecoder> {
  const linked = await readLinked(path);
  const whole = edit(linked.graph);
  const graphs = splitListed(whole);
  if (graphs === undefined)
    return { decoder: await loadLinked(runtime, path, { linked, edited: whole, name }) };
  const listing = await loadLinked(runtime, path, {
    linked,
    edited: graphs.listing,
    name: `${name} listing`,
  });
  try {
    return { listing, decoder: await loadLinked(runtime, path, { linked, edited: graphs.decoder, name }) };
  } catch (error) {
    await listing.release();
    throw error;
  }
}

function loadLinked(
  runtime: Runtime,
  path: string,
  { linked, edited, name }: { readonly linked: LinkedGraph; readonly edited: Graph; readonly name: string },
): Promise<Session> {
  const isChanged = edited !== linked.graph;
  return runtime.load(
    { kind: "file", path, edited: isChanged ? encodeLinked(edited, linked) : undefined },
    { name },
  );
}
