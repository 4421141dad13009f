/** Decodes a batch with graphs that have dynamic shapes, all sources together: on the CPU, a GPU or in a browser. */
import { closing } from "@slm/core";
import { decode } from "@slm/generation";
import type { HostTensor } from "@slm/runtime";
import type { ImageEncoder } from "../images/image-encoder.js";
import type { ModelGraphs } from "../load/model-graphs.js";
import type { BatchOptions } from "../options/batch-options.js";
import type { EncodedSource } from "../options/batches.js";
import { roomForTokens, rowsPerSource } from "../options/model-limits.js";
import { timed, type DecodedIds } from "../steps/timed.js";
import type { Background } from "./background.js";
import { cacheCapacity, type CachePool, type CacheSet } from "./caches.js";
import { encodeForSteps, type EncoderInputs, type SourceFeeds } from "./encoded-batch.js";
import { GraphDecoder } from "./graph-decoder.js";

/** A loaded model, and the state that it keeps between batches. */
export interface DynamicParts {
  readonly loaded: ModelGraphs;
  readonly caches: CachePool;
  /** Clean-up that runs after an answer. */
  readonly background: Background;
}

/**
 * Returns one result per source. An encoder-decoder encodes the padded sources once; image tokens, if any, come before the text. A decoder-only model
 * reads each source as a prefix, followed by BOS. Its sources must all have the same length.
 *
 * @throws SlmError as decodeBatch
 */
export async function decodeDynamic(
  parts: DynamicParts,
  batch: readonly EncodedSource[],
  options: BatchOptions,
): Promise<readonly DecodedIds[]> {
  const { runtime, model, images, encoder, decoder, tokenGraphs } = parts.loaded;
  const { vocabularySize, tokens, maxTarget } = model;
  const started = performance.now();
  const sources = batch.map(({ ids }) => ids);
  const seen = images === undefined ? undefined : await encodeImages(images, batch);
  const perSource = rowsPerSource(options.strategy);
  // The decoder rows of one source, such as its beams, are adjacent.
  const prefixes = sources.flatMap((ids) => new Array<readonly number[]>(perSource).fill(encoder ? [] : ids));
  const prefixLength = prefixes[0]?.length ?? 0;
  const maxTokens = roomForTokens(model, prefixLength, options.maxTokens);
  const size = { rows: prefixes.length, capacity: cacheCapacity(prefixLength + maxTokens, maxTarget) };
  const inputs = { sources, images: seen?.tokens, rowsPerSource: perSource, ahead: true };
  return withCaches(parts, size, (caches) =>
    withEncoded(parts, inputs, async (encoded) => {
      const steps = new GraphDecoder({
        runtime,
        decoder,
        caches,
        vocabularySize,
        encoded,
        prefixes,
        tokenGraphs,
      });
      const decoded = await closing({ close: () => steps.release() }, () =>
        decode(options.watch?.(steps) ?? steps, {
          ...options,
          bos: tokens.bos,
          eos: tokens.eos,
          pad: tokens.pad,
          maxTokens,
          opening: (result) => batch[result]!.opening,
          source: (result) => sources[result]!,
          before: (row) => prefixes[row]!,
          deadlineMs: options.maxTimeMs === undefined ? undefined : started + options.maxTimeMs,
        }),
      );
      return decoded.map((row) => ({
        ...timed(row, options.strategy, { started, log: steps.log }),
        imageMs: seen?.imageMs,
      }));
    }),
  );
}

/** Lends caches to `body`. They are returned in the background. */
async function withCaches<Result>(
  { caches, background }: DynamicParts,
  size: Pick<CacheSet, "rows" | "capacity">,
  body: (set: CacheSet) => Promise<Result>,
): Promise<Result> {
  const set = await caches.take(size);
  try {
    return await body(set);
  } finally {
    background.start(caches.giveBack(set));
  }
}

/** Runs `body` with the decoder's inputs that depend on the sources. They are released in the background. */
async function withEncoded<Result>(
  { loaded, background }: DynamicParts,
  inputs: EncoderInputs,
  body: (feeds: SourceFeeds["feeds"]) => Promise<Result>,
): Promise<Result> {
  const { feeds, tensors } = await encodeForSteps(loaded, inputs);
  try {
    return await body(feeds);
  } finally {
    background.start(loaded.runtime.release(tensors));
  }
}

/** Image tokens of every source, and the time they took [ms]. */
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
