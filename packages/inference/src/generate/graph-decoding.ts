/** Decodes with graphs on a runtime. */
import type { CopySource } from "@slm/generation";
import { Background } from "../dynamic/background.js";
import { CachePool } from "../dynamic/caches.js";
import { decodeDynamic } from "../dynamic/decode-dynamic.js";
import type { Decoding } from "../load/decoding.js";
import type { ModelGraphs } from "../load/model-graphs.js";
import { draftsFor } from "../options/draft-source.js";
import { decodeStatic } from "../static/decode-static.js";

/**
 * Decodes with loaded graphs. Graphs with dynamic shapes decode all sources at once, static graphs one after the other. Closing it closes the graphs.
 *
 * @param promptLookup maximum number of draft tokens per run that are copied. Default: none are copied.
 */
export function graphDecoding(loaded: ModelGraphs, promptLookup?: number): Decoding {
  const { runtime, model, buckets, encoder } = loaded;
  const drafting = { model, promptLookup };
  const caches = new CachePool(runtime, model);
  const background = new Background();
  return {
    ...loaded,
    device: runtime.device,
    together: buckets !== undefined ? "none" : encoder === undefined ? "equal-lengths" : "any",
    decode: async (batch, options) => {
      const drafts = draftsFor(drafting, batch, options, buckets !== undefined);
      if (buckets !== undefined) return decodeStatic({ ...loaded, buckets }, batch, options, drafts);
      const [only] = batch.length === 1 ? batch : [];
      const from: CopySource | undefined = only && drafts(only.ids);
      return decodeDynamic({ loaded, caches, background }, batch, options, from);
    },
    close: async () => {
      await caches.clear();
      await loaded.close();
    },
  };
}
