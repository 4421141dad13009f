/** Reads a model file without its large weights. */
import { basename, dirname } from "node:path";
import { outlineOf, parseModel } from "../codec/decode.js";
import { externalFiles, readExternal } from "./external-data.js";
import { readModelBytes } from "./files.js";
import type { ModelOutline } from "../graph/graph.js";

/** External tensors up to this size are read into an outline. Scales and shapes are small, weights are not [bytes]. */
const OUTLINE_TENSOR_BYTES = 2 ** 16;

/** Limit of their sum, for files with very many small tensors [bytes]. */
const OUTLINE_TOTAL_BYTES = 2 ** 28;

/** Limits of external tensors for reading without large weights. */
export const OUTLINE_LIMITS = { maxBytes: OUTLINE_TOTAL_BYTES, maxTensorBytes: OUTLINE_TENSOR_BYTES };

/**
 * Reads an ONNX file without its large weights. Unsupported parts are noted instead of rejected.
 *
 * Reads: `path`, and the small tensors of its external data files, which must be in its own folder. Large tensors are
 * only checked to be inside their files.
 *
 * @throws SlmError INPUT_MISSING and DATA_INVALID as `readOnnx` does, except for unsupported parts.
 */
export async function readOutline(path: string): Promise<ModelOutline> {
  const model = parseModel(await readModelBytes(path));
  return outlineOf(model, await readExternal(model, dirname(path), OUTLINE_LIMITS));
}

/**
 * The files of a model, relative to its folder: the model file and its external data files.
 *
 * @throws SlmError INPUT_MISSING and DATA_INVALID as {@link readOutline} does
 */
export async function modelFiles(path: string): Promise<readonly string[]> {
  return [basename(path), ...externalFiles(parseModel(await readModelBytes(path)))];
}
