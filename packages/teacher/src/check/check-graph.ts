/** Checks an ONNX decoder from a teacher's directory or any other directory. */
import { isFile, isThere } from "@slm/core";
import { join } from "node:path";
import { CONFIG_FILE, hasWeights } from "@slm/checkpoints";
import type { Engine } from "@slm/tensor";
import { GRAPH_FILE, readGraphFile } from "../graph/graph-file.js";
import { loadDecoder, textLogits } from "../graph/load-graph.js";
import type { CheckSubject } from "./check-subject.js";
import { findGraph } from "../graph/import-graph.js";
import { weightCount } from "../graph/weight-count.js";

/** Whether to read a directory as a graph: it has `graph.json`, or it is not a checkpoint. */
export async function isGraphDirectory(directory: string): Promise<boolean> {
  const has = (file: string): Promise<boolean> => isFile(join(directory, file));
  if (await has(GRAPH_FILE)) return true;
  if ((await has(CONFIG_FILE)) && hasWeights(directory)) return false;
  return findGraph(directory).then(
    () => true,
    () => false,
  );
}

/** @throws SlmError INPUT_MISSING, DATA_INVALID naming the file; CONFIG_INVALID for an engine that cannot run graphs */
export async function graphSubject(directory: string, engine: Engine): Promise<CheckSubject> {
  const { path, vocabularySize, parameters } = await describe(directory);
  return {
    vocabularySize,
    parameters,
    open: async () => {
      const decoder = await loadDecoder(engine, path, vocabularySize);
      return { logits: (ids) => textLogits(decoder, ids), close: () => decoder.session.release() };
    },
  };
}

async function describe(
  directory: string,
): Promise<{ readonly path: string; readonly vocabularySize: number; readonly parameters: number }> {
  const isTeacher = await isThere(join(directory, GRAPH_FILE));
  if (isTeacher) {
    const { file, ...known } = await readGraphFile(directory);
    return { ...known, path: join(directory, file) };
  }
  const { path, vocabularySize } = await findGraph(directory);
  return { path, vocabularySize, parameters: await weightCount(path) };
}
