/** A model file looked at, without its large weights. */
import { basename, dirname } from "node:path";
import { outlineOf, parseModel } from "./decode.js";
import { externalFiles, readExternal } from "./external-data.js";
import { readModelBytes } from "./files.js";
import type { ModelOutline } from "./graph.js";

/** Tensors outside the file that an outline reads all the same: scales and shapes are small, weights are not. */
const OUTLINE_TENSOR_BYTES = 2 ** 16;

/** All of them together; a file of a million small tensors reads no more. */
const OUTLINE_TOTAL_BYTES = 2 ** 28;

/**
 * Looks at an ONNX file without its large weights: what could not be written back is noted instead of rejected.
 *
 * Reads: `path`; of the files it names, which must lie inside its own folder, the small tensors. That the large ones
 * are there, inside their files, is checked.
 *
 * @throws SlmError INPUT_MISSING and DATA_INVALID as `readOnnx` does, losses excepted.
 */
export async function readOutline(path: string): Promise<ModelOutline> {
  const model = parseModel(await readModelBytes(path));
  const limits = { maxBytes: OUTLINE_TOTAL_BYTES, maxTensorBytes: OUTLINE_TENSOR_BYTES };
  return outlineOf(model, await readExternal(model, dirname(path), limits));
}

/**
 * The files that a model consists of, by their names inside its folder: itself, and those that its weights lie in.
 *
 * @throws SlmError INPUT_MISSING and DATA_INVALID as {@link readOutline} does
 */
export async function modelFiles(path: string): Promise<readonly string[]> {
  return [basename(path), ...externalFiles(parseModel(await readModelBytes(path)))];
}
