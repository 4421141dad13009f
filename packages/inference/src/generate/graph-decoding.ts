/** Decodes with graphs on a runtime. */
import { Background } from "../dynamic/background.js";
import { CachePool } from "../dynamic/caches.js";
import { decodeDynamic } from "../dynamic/decode-dynamic.js";
import type { Decoding } from "../load/decoding.js";
import type { ModelGraphs } from "../load/model-graphs.js";
import { decodeStatic } from "../static/decode-static.js";

/** Decodes with loaded graphs. Graphs with dynamic shapes decode all sources at once, static graphs one after the other. Closing it closes the graphs. */
export function graphDecoding(loaded: ModelGraphs): Decoding {
  const { runtime, model, buckets, encoder } = loaded;
  const caches = new CachePool(runtime, model);
  const background = new Background();
  return {
    ...loaded,
    device: runtime.device,
    together: buckets !== undefined ? "none" : encoder === undefined ? "equal-lengths" : "any",
    decode: (batch, options) =>
      buckets === undefined
        ? decodeDynamic({ loaded, caches, background }, batch, options)
        : decodeStatic({ ...loaded, buckets }, batch, options),
    close: async () => {
      await caches.clear();
      await loaded.close();
    },
  };
}
