/** Builds the bytes of a graph file that is edited before it is loaded. */
import { readFile } from "node:fs/promises";
import type { GraphSource } from "../runtime.js";

/** ONNX Runtime's setting for the folder of external data, for graphs loaded from bytes. */
export const WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path";

/** The bytes to load instead of a file; undefined if the file is loaded unchanged. */
export async function changedBytes({
  path,
  added,
  edited,
}: Extract<GraphSource, { kind: "file" }>): Promise<Uint8Array | undefined> {
  if (edited !== undefined) return edited;
  return added === undefined ? undefined : Buffer.concat([await readFile(path), added]);
}
