/** Decodes with graphs on a runtime. */
import type { DraftSource } from "@slm/generation";
import { Background } from "../dynamic/background.js";
import { CachePool } from "../dynamic/caches.js";
import { decodeDynamic } from "../dynamic/decode-dynamic.js";
import type { Decoding } from "../load/decoding.js";
import type { ModelGraphs } from "../load/model-graphs.js";
import { draftsFor } from "../options/draft-source.js";
import { speculationPlan } from "../options/draft-tokens.js";
import { decodeStatic } from "../static/decode-static.js";
import type { GraphModelOptions } from "./model.js";

/**
 * Decodes with loaded graphs. Graphs with dynamic shapes decode all sources at once, static graphs one after the other. Closing it closes the graphs.
 *
 * @throws SlmError USAGE or OP_UNSUPPORTED if the model cannot draft, or if verifying drafts would change answers
 */
export function graphDecoding(
  loaded: ModelGraphs,
  { promptLookup, draftTokens }: Pick<GraphModelOptions, "promptLookup" | "draftTokens">,
): Decoding {
  const { runtime, model, generation, buckets, draftRules, encoder } = loaded;
  const speculation = speculationPlan(model, draftTokens, { own: generation.draftTokens });
  const drafting = { model, draftRules, promptLookup, byRules: speculation.tokens };
  const caches = new CachePool(runtime, model);
  const background = new Background();
  return {
    ...loaded,
    device: runtime.device,
    speculation,
    together: buckets !== undefined ? "none" : encoder === undefined ? "equal-lengths" : "any",
    decode: async (batch, options) => {
      const drafts = draftsFor(drafting, batch, options, buckets !== undefined);
      if (buckets !== undefined) return decodeStatic({ ...loaded, buckets }, batch, options, drafts);
      const [only] = batch.length === 1 ? batch : [];
      const from: DraftSource | undefined = only && drafts(only.ids);
      return decodeDynamic({ loaded, caches, background }, batch, options, from);
    },
    close: async () => {
      await caches.clear();
      await loaded.close();
    },
  };
}
