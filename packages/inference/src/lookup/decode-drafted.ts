/** Greedy decoding with drafts that the host reads, one source after the other: prompt lookup, and draft heads of static graphs. */
import { decodeWithDrafts, isRuling, type DraftVerifier } from "@slm/decoding";
import { SlmError } from "@slm/core";
import type { EncodedSource } from "../batches.js";
import { cacheCapacity } from "../caches.js";
import type { Decoding, BatchOptions } from "../decoding.js";
import { encodeBatch } from "../encoded-batch.js";
import { roomForTokens } from "../model-limits.js";
import { withStaticSource } from "../static/decode-static.js";
import { StaticDraftVerifier, type StaticDecoderParts } from "../static/static-decoder.js";
import type { DecodedIds } from "../timed.js";
import { PromptLookupDecoder } from "./prompt-lookup-decoder.js";

/**
 * One result per source, with the tokens of plain greedy decoding. Each run verifies the draft tokens and ends at the first rejected
 * one.
 *
 * @param draftTokens largest number of copied tokens per run; absent: nothing is copied
 * @throws SlmError as decodeBatch
 */
export async function decodeDrafted(
  decoding: Decoding,
  batch: readonly EncodedSource[],
  options: BatchOptions & { readonly draftTokens?: number | undefined },
): Promise<readonly DecodedIds[]> {
  const results: DecodedIds[] = [];
  for (const [row, source] of batch.entries())
    results.push(await decodeSource(decoding, source, { row, options }));
  return results;
}

/** Whether a batch is decoded greedily, with nothing that changes scores: what drafts can be verified for. */
export const isPlainGreedy = ({ strategy, rules, constraint }: BatchOptions): boolean =>
  strategy.kind === "greedy" && !isRuling(rules) && constraint === undefined;

/** @throws SlmError USAGE for options that change greedy decoding */
export function requirePlainGreedy(options: BatchOptions): void {
  if (isPlainGreedy(options)) return;
  throw new SlmError(
    "USAGE",
    "generate: prompt lookup verifies greedy tokens, so it cannot be combined with sampling, beams, penalties or a schema",
  );
}

interface Row {
  readonly row: number;
  readonly options: BatchOptions & { readonly draftTokens?: number | undefined };
}

async function decodeSource(
  decoding: Decoding,
  source: EncodedSource,
  { row, options }: Row,
): Promise<DecodedIds> {
  const { model } = decoding.loaded;
  const { onToken, stopsAfter, maxTimeMs, signal, draftTokens } = options;
  const started = performance.now();
  return withVerifier(decoding, source, options, async ({ steps, prefix, imageMs }) => {
    const decoded = await decodeWithDrafts(steps, {
      bos: model.tokens.bos,
      eos: model.tokens.eos,
      rules: options.rules,
      ownDrafts: decoding.draftTokens,
      lookup: draftTokens === undefined ? undefined : { source: source.ids, most: draftTokens },
      maxTokens: roomForTokens(model, prefix.length, options.maxTokens),
      onToken: (_, token) => onToken?.(row, token),
      stopsAfter: stopsAfter && ((_, tokens) => stopsAfter(row, tokens)),
      deadlineMs: maxTimeMs === undefined ? undefined : started + maxTimeMs,
      signal,
    });
    const stepsMs = steps.stepTimes.map((at) => at - started);
    const times = { firstTokenMs: stepsMs[0]!, totalMs: stepsMs.at(-1)!, stepsMs };
    const { tokens, logProbability, finished, reason } = decoded;
    const tokensPerSecond = rateOf(tokens.length + (finished ? 1 : 0), times);
    return { tokens, logProbability, finished, reason, ...times, tokensPerSecond, imageMs };
  });
}

/** A decoder that verifies draft tokens of one source. */
interface Verifying {
  readonly steps: DraftVerifier & { readonly stepTimes: readonly number[] };
  /** Ids before the first token. */
  readonly prefix: readonly number[];
  readonly imageMs: number | undefined;
}

/** Runs `body` with a decoder for one source, whose caches and encoder outputs are given back after it. */
async function withVerifier<Result>(
  { loaded, caches }: Decoding,
  source: EncodedSource,
  { maxTokens }: Pick<BatchOptions, "maxTokens">,
  body: (verifying: Verifying) => Promise<Result>,
): Promise<Result> {
  const { runtime, model, images, encoder, decoder, buckets } = loaded;
  if (buckets !== undefined) {
    return withStaticSource({ ...loaded, buckets }, source, (parts, imageMs) =>
      body({ steps: new StaticDraftVerifier(requireChunk(parts)), prefix: parts.prefix, imageMs }),
    );
  }
  const { ids, image } = source;
  const prefix = encoder === undefined ? ids : [];
  const room = roomForTokens(model, prefix.length, maxTokens);
  const started = performance.now();
  const seen = image === undefined ? undefined : await images?.tokensOf(image);
  const imageMs = seen === undefined ? undefined : performance.now() - started;
  const set = await caches.take({
    rows: 1,
    capacity: cacheCapacity(prefix.length + room, model.maxTarget),
  });
  try {
    const encoded =
      encoder === undefined
        ? {}
        : await encodeBatch(runtime, encoder, model, { sources: [ids], images: seen, rowsPerSource: 1 });
    try {
      const steps = new PromptLookupDecoder({ decoder, model, caches: set, encoded, prefix });
      return await body({ steps, prefix, imageMs });
    } finally {
      await runtime.release(Object.values(encoded));
    }
  } finally {
    await caches.giveBack(set);
  }
}

/** @throws SlmError OP_UNSUPPORTED for graphs of which none reads several tokens */
function requireChunk(parts: StaticDecoderParts): StaticDecoderParts {
  if (parts.chunk !== undefined) return parts;
  throw new SlmError(
    "OP_UNSUPPORTED",
    `${parts.model.name}: drafts are several tokens in a run, and this export has no graph for that`,
    { suggestions: [`slm export CHECKPOINT --target ${parts.model.target} --chunk 8`] },
  );
}

/** Tokens/s after the first run; for a text of a single run, all its tokens over its time. */
function rateOf(
  tokens: number,
  { firstTokenMs, totalMs }: { readonly firstTokenMs: number; readonly totalMs: number },
): number {
  return totalMs > firstTokenMs
    ? ((tokens - 1) * 1000) / (totalMs - firstTokenMs)
    : (tokens * 1000) / totalMs;
}
