/** Loads a graph that is changed on the way. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type Graph, encodeAddition, readOnnx, writeOnnx } from "@slm/onnx";
import type { Runtime, Session } from "@slm/runtime";
import { argmaxNodes } from "./argmax-output.js";

/**
 * Reads a graph, edits it and loads what comes out. Its file is written into a place of its own that is gone afterwards; a graph
 * that the edit leaves as it is, is loaded from where it lies.
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
 * Loads a decoder of dynamic sizes that also tells the most probable token of each row. Nothing is written, and weights beside the file are read
 * from where they lie.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID
 */
export function loadPicking(runtime: Runtime, path: string, name: string): Promise<Session> {
  return runtime.load({ kind: "file", path, added: encodeAddition(argmaxNodes("batch")) }, { name });
}
