/** Plans external data for writing: which weights it contains, where each starts, and which are stored once. */
import type { ExternalPlace, ExternalPlaces } from "../codec/encode.js";
import type { Initializer } from "../graph/graph.js";

/**
 * Every weight starts at a multiple of this. 64 bytes are a cache line, the widest vector register (AVX-512), and the alignment that MLAS
 * requires. ONNX recommends page multiples to map single tensors. onnxruntime maps from the page in which a tensor starts, so page
 * alignment would only waste space.
 */
export const EXTERNAL_ALIGNMENT = 64;

/** Smaller initializers stay in the model file: shape inference reads them, and a page fault would cost more than their bytes. */
export const EXTERNAL_MIN_BYTES = 1024;

export interface ExternalLayout {
  /** External locations by initializer name, one map for each graph. */
  readonly places: readonly ExternalPlaces[];
  /** The bytes to write, in order of offset. */
  readonly chunks: readonly { readonly offset: number; readonly initializer: Initializer }[];
  readonly size: number;
}

/**
 * Lays out the initializers of at least `minBytes` of all graphs in one file. Initializers that share the same bytes
 * (buffer, offset and length) are stored once, whatever their dtype, shape and graph.
 */
export function layOutExternal(
  graphs: readonly Iterable<Initializer>[],
  file: string,
  minBytes: number,
): ExternalLayout {
  const chunks: { offset: number; initializer: Initializer }[] = [];
  const stored = new Map<ArrayBufferLike, Map<string, ExternalPlace>>();
  let size = 0;
  const placeOf = (initializer: Initializer): ExternalPlace => {
    const { data } = initializer;
    const ofBuffer = stored.get(data.buffer) ?? new Map<string, ExternalPlace>();
    stored.set(data.buffer, ofBuffer);
    const key = `${data.byteOffset}+${data.byteLength}`;
    const known = ofBuffer.get(key);
    if (known !== undefined) return known;
    const offset = Math.ceil(size / EXTERNAL_ALIGNMENT) * EXTERNAL_ALIGNMENT;
    const place = { file, offset, length: data.byteLength };
    ofBuffer.set(key, place);
    chunks.push({ offset, initializer });
    size = offset + data.byteLength;
    return place;
  };
  const places = graphs.map((initializers) => {
    const ofGraph = new Map<string, ExternalPlace>();
    for (const initializer of initializers) {
      const { byteLength } = initializer.data;
      if (byteLength > 0 && byteLength >= minBytes) ofGraph.set(initializer.name, placeOf(initializer));
    }
    return ofGraph;
  });
  return { places, chunks, size };
}
