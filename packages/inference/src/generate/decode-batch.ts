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
 * Decodes sources together, one result per source: with graphs of dynamic sizes all at once, with graphs of fixed sizes one after the other.
 * Runs verify drafts where they are of one source and the options allow it.
 *
 * @throws SlmError USAGE for options under which prompt lookup cannot be verified; INTERRUPTED; what the runs throw
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
