/** Decodes one batch of sources, from token ids to token ids. */
import { decode } from "@slm/decoding";
import type { HostDrafts, HostTensor } from "@slm/runtime";
import type { EncodedSource } from "./batches.js";
import { cacheCapacity } from "./caches.js";
import type { BatchOptions } from "./batch-options.js";
import type { Decoding } from "./decoding.js";
import { encodeForSteps } from "./encoded-batch.js";
import { GraphDecoder } from "./graph-decoder.js";
import type { ImageEncoder } from "./image-encoder.js";
import { requireVerified, verifiesDrafts } from "./draft-tokens.js";
import { hostDrafts, makesDrafts } from "./host-drafts.js";
import { roomForTokens, rowsPerSource } from "./model-limits.js";
import { decodeStatic } from "./static/decode-static.js";
import { decodeStaticDrafts } from "./static/decode-static-drafts.js";
import { type DecodedIds, timed } from "./timed.js";

/**
 * Decodes sources together, one result per source.
 *
 * An encoder-decoder encodes them once, padded, after the tokens of their images if it has vision. A decoder-only model reads each
 * source as a prefix, followed by BOS; the sources must then have one length. Static graphs take them one by one.
 */
export async function decodeBatch(
  decoding: Decoding,
  batch: readonly EncodedSource[],
  options: BatchOptions,
): Promise<readonly DecodedIds[]> {
  const { loaded, caches, background, promptLookup } = decoding;
  const { runtime, decoder, model, images, encoder, buckets, tokenGraphs } = loaded;
  const isVerified = verifiesDrafts(options, batch, buckets !== undefined);
  if (promptLookup !== undefined) requireVerified(isVerified);
  if (buckets !== undefined) {
    const isDrafted = isVerified && makesDrafts(decoding);
    const host = (source: readonly number[]): HostDrafts | undefined => hostDrafts(decoding, source);
    return isDrafted
      ? decodeStaticDrafts({ ...loaded, buckets }, batch, options, host)
      : decodeStatic({ ...loaded, buckets }, batch, options);
  }
  const sources = batch.map(({ ids }) => ids);
  const started = performance.now();
  const seen = images === undefined ? undefined : await encodeImages(images, batch);
  const perSource = rowsPerSource(options.strategy);
  const prefixes = sources.flatMap((ids) => Array.from({ length: perSource }, () => (encoder ? [] : ids)));
  const prefixLength = prefixes[0]?.length ?? 0;
  const maxTokens = roomForTokens(model, prefixLength, options.maxTokens);
  const { bos, eos, pad } = model.tokens;

  const capacity = cacheCapacity(prefixLength + maxTokens, model.maxTarget);
  const set = await caches.take({ rows: prefixes.length, capacity });
  try {
    const { feeds: encoded, tensors } = await encodeForSteps(loaded, {
      sources,
      images: seen?.tokens,
      rowsPerSource: perSource,
      ahead: true,
    });
    try {
      const { vocabularySize } = model;
      const drafts = isVerified ? draftsOf(decoding, sources) : undefined;
      const parts = { runtime, decoder, caches: set, vocabularySize, encoded, prefixes, drafts, tokenGraphs };
      const steps = new GraphDecoder(parts);
      const decoded = await decode(steps, {
        ...options,
        bos,
        eos,
        pad,
        maxTokens,
        opening: (result) => batch[result]!.opening,
        source: (result) => sources[result]!,
        before: (row) => prefixes[row]!,
        deadlineMs: options.maxTimeMs === undefined ? undefined : started + options.maxTimeMs,
      }).finally(() => steps.release());
      const times = {
        started,
        stepTimes: steps.stepTimes,
        perRun: steps.perRun.length === 0 ? undefined : steps.perRun,
      };
      return decoded.map((row) => ({
        ...timed(row, options.strategy, times),
        imageMs: seen?.imageMs,
      }));
    } finally {
      background.start(runtime.release(tensors));
    }
  } finally {
    background.start(caches.giveBack(set));
  }
}

/** Where the drafts come from that greedy steps over these sources verify. Only steps over one source verify any. */
function draftsOf(decoding: Decoding, sources: readonly (readonly number[])[]): HostDrafts | undefined {
  const [source] = sources;
  return source === undefined || sources.length > 1 ? undefined : hostDrafts(decoding, source);
}

/** Tokens of every source's image, and the time they took [ms]. */
async function encodeImages(
  encoder: ImageEncoder,
  batch: readonly EncodedSource[],
): Promise<{ readonly tokens: HostTensor | undefined; readonly imageMs: number }> {
  const started = performance.now();
  const tokens = await encoder.tokensOfAll(
    batch.flatMap(({ image }) => (image === undefined ? [] : [image])),
  );
  return { tokens, imageMs: performance.now() - started };
}
