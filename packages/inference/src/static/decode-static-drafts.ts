/** Greedy decoding with drafts on static graphs, one source after the other. */
import { decodeWithDrafts } from "@slm/decoding";
import { SlmError } from "@slm/core";
import type { HostDrafts } from "@slm/runtime";
import type { EncodedSource } from "../batches.js";
import type { BatchOptions } from "../batch-options.js";
import { roomForTokens } from "../model-limits.js";
import type { DecodedIds } from "../timed.js";
import { withStaticSource, type StaticModel } from "./decode-static.js";
import { StaticDraftVerifier, type StaticDecoderParts } from "./static-decoder.js";

/** Where the drafts for a source come from; undefined: there are none. */
type DraftSources = (source: readonly number[]) => HostDrafts | undefined;

/**
 * One result per source, with the tokens of plain greedy decoding. Each run verifies the draft tokens and ends at the first rejected
 * one.
 *
 * @throws SlmError as decodeBatch; OP_UNSUPPORTED for graphs of which none reads several tokens
 */
export async function decodeStaticDrafts(
  loaded: StaticModel,
  batch: readonly EncodedSource[],
  options: BatchOptions,
  drafts: DraftSources,
): Promise<readonly DecodedIds[]> {
  const results: DecodedIds[] = [];
  for (const [row, source] of batch.entries())
    results.push(await decodeSource(loaded, source, { row, options, drafts }));
  return results;
}

interface Row {
  readonly row: number;
  readonly options: BatchOptions;
  readonly drafts: DraftSources;
}

async function decodeSource(
  loaded: StaticModel,
  source: EncodedSource,
  { row, options, drafts }: Row,
): Promise<DecodedIds> {
  const { model } = loaded;
  const { onToken, stopsAfter, maxTimeMs, signal } = options;
  const started = performance.now();
  return withStaticSource(loaded, source, async (parts, imageMs) => {
    const steps = new StaticDraftVerifier(withChunk(parts));
    const decoded = await decodeWithDrafts(steps, {
      bos: source.opening?.start ?? model.tokens.bos,
      eos: model.tokens.eos,
      rules: options.rules,
      host: drafts(source.ids),
      maxTokens: roomForTokens(model, parts.prefix.length, options.maxTokens),
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

/** @throws SlmError OP_UNSUPPORTED for graphs of which none reads several tokens */
function withChunk(parts: StaticDecoderParts): StaticDecoderParts {
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
