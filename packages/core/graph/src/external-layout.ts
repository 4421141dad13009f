/** Weights beside the model file, writing side: which go there, where each starts, and what is stored once. */
import type { ExternalPlace, ExternalPlaces } from "./encode.js";
import type { Initializer } from "./graph.js";

/**
 * Every weight starts at a multiple of this. 64 bytes are a cache line and the widest vector register (AVX-512), and
 * the alignment MLAS asks of its buffers. ONNX only recommends page multiples, to map single tensors; onnxruntime maps
 * from the page a tensor starts in, so a page each would only waste space.
 */
export const EXTERNAL_ALIGNMENT = 64;

/** Smaller initializers stay in the model file: shape inference reads them, and a page fault costs more than they do. */
export const EXTERNAL_MIN_BYTES = 1024;

export interface ExternalLayout {
  readonly places: ExternalPlaces;
  /** What to write, in order of offset. */
  readonly chunks: readonly { readonly offset: number; readonly data: Uint8Array }[];
  readonly size: number;
}

/**
 * Lays out the initializers of at least `minBytes` in one file. Initializers over the very same bytes (buffer, offset
 * and length) are stored once, whatever their dtype and shape.
 */
export function layOutExternal(
  initializers: Iterable<Initializer>,
  file: string,
  minBytes: number,
): ExternalLayout {
  const places = new Map<string, ExternalPlace>();
  const chunks: { offset: number; data: Uint8Array }[] = [];
  const stored = new Map<ArrayBufferLike, Map<string, ExternalPlace>>();
  let size = 0;
  for (const { name, data } of initializers) {
    if (data.byteLength === 0 || data.byteLength < minBytes) continue;
    const ofBuffer = stored.get(data.buffer) ?? new Map<string, ExternalPlace>();
    stored.set(data.buffer, ofBuffer);
    const key = `${data.byteOffset}+${data.byteLength}`;
    let place = ofBuffer.get(key);
    if (place === undefined) {
      const offset = Math.ceil(size / EXTERNAL_ALIGNMENT) * EXTERNAL_ALIGNMENT;
      place = { file, offset, length: data.byteLength };
      ofBuffer.set(key, place);
      chunks.push({ offset, data });
      size = offset + data.byteLength;
    }
    places.set(name, place);
  }
  return { places, chunks, size };
}
