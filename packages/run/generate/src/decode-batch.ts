/** One batch of sources through the model, from ids to ids. */
import { type DecodeOptions, type Decoded, type Strategy, decode } from "@slm/decoding";
import type { HostTensor, Runtime } from "@slm/runtime";
import type { EncodedSource } from "./batches.js";
import { type CachePool, cacheCapacity } from "./caches.js";
import { encodeBatch } from "./encoded-batch.js";
import { GraphDecoder } from "./graph-decoder.js";
import type { ImageEncoder } from "./image-encoder.js";
import type { LoadedModel } from "./loaded-model.js";
import { roomForTokens, rowsPerSource } from "./model-limits.js";
import type { Generation } from "./types.js";

export interface BatchEngine {
  readonly runtime: Runtime;
  readonly loaded: LoadedModel;
  readonly caches: CachePool;
  /** Present exactly for a model that sees. */
  readonly images: ImageEncoder | undefined;
}

export type BatchOptions = Pick<
  DecodeOptions,
  "strategy" | "random" | "rules" | "constraint" | "onToken" | "stopsAfter" | "signal"
> & {
  readonly maxTokens?: number;
  /** Time from the start of the batch after which no step begins [ms]. */
  readonly maxTimeMs?: number;
};

export type DecodedIds = Omit<Generation, "text">;

/**
 * Decodes sources together, one result per source.
 *
 * An encoder-decoder encodes them once, padded, behind the tokens of their images if it sees. A decoder-only model reads them as the beginning of its own
 * text, followed by the beginning token; they must then be of one length.
 */
export async function decodeBatch(
  { runtime, loaded, caches, images }: BatchEngine,
  batch: readonly EncodedSource[],
  options: BatchOptions,
): Promise<readonly DecodedIds[]> {
  const { model, encoder, decoder } = loaded;
  const sources = batch.map(({ ids }) => ids);
  const started = performance.now();
  const seen = images === undefined ? undefined : await seeAll(images, batch);
  const perSource = rowsPerSource(options.strategy);
  const prefixes = sources.flatMap((ids) => Array.from({ length: perSource }, () => (encoder ? [] : ids)));
  const prefixLength = prefixes[0]?.length ?? 0;
  const maxTokens = roomForTokens(model, prefixLength, options.maxTokens);
  const { bos, eos, pad } = model.tokens;

  const capacity = cacheCapacity(prefixLength + maxTokens, model.maxTarget);
  const set = await caches.take({ rows: prefixes.length, capacity });
  try {
    const encoded = encoder
      ? await encodeBatch(runtime, encoder, model, {
          sources,
          images: seen?.tokens,
          rowsPerSource: perSource,
        })
      : {};
    try {
      const { vocabularySize } = model;
      const steps = new GraphDecoder({ runtime, decoder, caches: set, vocabularySize, encoded, prefixes });
      const decoded = await decode(steps, {
        ...options,
        bos,
        eos,
        pad,
        maxTokens,
        before: (row) => prefixes[row]!,
        ...(options.maxTimeMs === undefined ? {} : { deadlineMs: started + options.maxTimeMs }),
      });
      const times = { started, stepTimes: steps.stepTimes };
      return decoded.map((row) => ({
        ...timed(row, options.strategy, times),
        ...(seen === undefined ? {} : { imageMs: seen.imageMs }),
      }));
    } finally {
      await runtime.release(Object.values(encoded));
    }
  } finally {
    await caches.giveBack(set);
  }
}

/** Tokens of every source's image, and how long they took [ms]. */
async function seeAll(
  encoder: ImageEncoder,
  batch: readonly EncodedSource[],
): Promise<{ readonly tokens: HostTensor | undefined; readonly imageMs: number }> {
  const started = performance.now();
  const tokens = await encoder.tokensOfAll(
    batch.flatMap(({ image }) => (image === undefined ? [] : [image])),
  );
  return { tokens, imageMs: performance.now() - started };
}

interface BatchTimes {
  readonly started: number;
  readonly stepTimes: readonly number[];
}

function timed(
  { tokens, finished, reason }: Decoded,
  strategy: Strategy,
  { started, stepTimes }: BatchTimes,
): DecodedIds {
  // A result of beam search is known when its batch is done; any other with its own last step.
  const steps = strategy.kind === "beam" ? stepTimes.length : tokens.length + (finished ? 1 : 0);
  const firstTokenMs = stepTimes[0]! - started;
  const totalMs = stepTimes[steps - 1]! - started;
  const tokensPerSecond = steps > 1 ? ((steps - 1) * 1000) / (totalMs - firstTokenMs) : 1000 / totalMs;
  return { tokens, firstTokenMs, totalMs, tokensPerSecond, finished, reason };
}
