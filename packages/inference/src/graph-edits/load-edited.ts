/** Edits a graph and loads the result. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type Graph, encodeAddition, readOnnx, writeOnnx } from "@slm/onnx";
import type { Runtime, Session } from "@slm/runtime";
import { argmaxNodes } from "./argmax-output.js";

/**
 * Reads a graph, edits it and loads the result from a temporary file. A graph that the edit does not change is loaded from its own
 * file.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID, and what the edit throws
 */
export async function loadEdited(
  runtime: Runtime,
  path: string,
  edit: (graph: Graph) => Graph,
  name = basename(path),
): Promise<Session> {
  const graph = await readOnnx(path);
  const edited = edit(graph);
  if (edited === graph) return runtime.load({ kind: "file", path }, { name });
  const place = await mkdtemp(join(tmpdir(), "slm-graph-"));
  try {
    const file = basename(path);
    await writeOnnx(edited, join(place, file), { externalData: { file: `${file}.data` } });
    return await runtime.load({ kind: "file", path: join(place, file) }, { name });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/**
 * Loads a decoder with dynamic shapes and adds argmax outputs. Nothing is written; external weights are read from their place.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID
 */
export function loadPicking(runtime: Runtime, path: string, name: string): Promise<Session> {
  return runtime.load({ kind: "file", path, added: encodeAddition(argmaxNodes("batch")) }, { name });
}
