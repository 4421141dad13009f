/** A graph of a file that is not loaded as it lies there. */
import { readFile } from "node:fs/promises";
import type { GraphSource } from "../runtime.js";

/** ONNX Runtime's setting for the folder of the external data of a graph that is loaded from bytes. */
export const WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path";

/** The bytes to load in place of a file; undefined where it is loaded as it is. */
export async function changedBytes({
  path,
  added,
  edited,
}: Extract<GraphSource, { kind: "file" }>): Promise<Uint8Array | undefined> {
  if (edited !== undefined) return edited;
  return added === undefined ? undefined : Buffer.concat([await readFile(path), added]);
}
