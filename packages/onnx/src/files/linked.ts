/** Edits models without reading or moving their large weights. */
import { dirname } from "node:path";
import type { TensorProto } from "onnx-buf";
import { graphOf, parseModel } from "../codec/decode.js";
import { encodeWithPlaces, type ExternalPlaces } from "../codec/encode.js";
import { externalRanges, readExternal } from "./external-data.js";
import { readModelBytes } from "./files.js";
import type { Graph } from "../graph/graph.js";
import { OUTLINE_LIMITS } from "./read-outline.js";

/** A graph whose large weights have the right size but zeros as values, in memory that is never touched. */
export interface LinkedGraph {
  readonly graph: Graph;
  /** Locations of their values, by name. */
  readonly places: ExternalPlaces;
}

/**
 * Reads an ONNX file without its large weights.
 *
 * Reads: `path`, and the small tensors of its external data files, which must be in its own folder. Large tensors are only checked to be
 * inside their files.
 *
 * @throws SlmError INPUT_MISSING and DATA_INVALID as `readOnnx` does
 */
export async function readLinked(path: string): Promise<LinkedGraph> {
  const model = parseModel(await readModelBytes(path));
  const bytes = new Map<TensorProto, Uint8Array>(await readExternal(model, dirname(path), OUTLINE_LIMITS));
  // Tensors with the same range share one array, as in a full read.
  const arrays = new Map<string, Uint8Array>();
  const places = new Map(
    externalRanges(model).flatMap(([tensor, place]) => {
      if (bytes.has(tensor)) return [];
      const range = `${place.file}:${place.offset}+${place.length}`;
      const array = arrays.get(range) ?? new Uint8Array(place.length);
      arrays.set(range, array);
      bytes.set(tensor, array);
      return [[tensor.name, place] as const];
    }),
  );
  return { graph: graphOf(model, bytes), places };
}

/**
 * Encodes an edited graph to the bytes of a model file for the folder of the weights.
 *
 * @throws SlmError DATA_INVALID if the graph is not valid
 */
export function encodeLinked(graph: Graph, { places }: Pick<LinkedGraph, "places">): Uint8Array {
  return encodeWithPlaces(graph, places);
}
