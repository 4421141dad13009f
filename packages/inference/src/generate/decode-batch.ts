/** Decodes one batch of sources, from token ids to token ids. */
import type { DraftSource } from "@slm/generation";
import { decodeDynamic } from "../dynamic/decode-dynamic.js";
import type { BatchOptions } from "../options/batch-options.js";
import type { EncodedSource } from "../options/batches.js";
import { requireVerified, verifiesDrafts } from "../options/draft-tokens.js";
import { decodeStatic } from "../static/decode-static.js";
import type { DecodedIds } from "../steps/timed.js";
import type { Decoding } from "./decoding.js";
import { draftSource } from "./draft-source.js";

/**
 * Decodes sources and returns one result per source. Graphs with dynamic shapes decode all sources at once, static graphs one after the other. Runs
 * verify drafts if they have one source and the options allow it.
 *
 * @throws SlmError USAGE for options that prompt lookup does not support; INTERRUPTED; the errors of the runs
 */
export async function decodeBatch(
  decoding: Decoding,
  batch: readonly EncodedSource[],
  options: BatchOptions,
): Promise<readonly DecodedIds[]> {
  const { loaded, promptLookup } = decoding;
  const { buckets } = loaded;
  const isVerified = verifiesDrafts(options, batch, buckets !== undefined);
  if (promptLookup !== undefined) requireVerified(isVerified);
  const draftsFor = (source: readonly number[]): DraftSource | undefined =>
    isVerified ? draftSource(decoding, source) : undefined;
  if (buckets !== undefined) return decodeStatic({ ...loaded, buckets }, batch, options, draftsFor);
  const [only] = batch.length === 1 ? batch : [];
  return decodeDynamic(decoding, batch, options, only && draftsFor(only.ids));
}
