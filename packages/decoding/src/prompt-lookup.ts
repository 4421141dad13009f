/**
 * Prompt lookup: greedy decoding that drafts several tokens by copying, and has one run of the decoder check them all.
 * Answers that repeat their source or themselves take fewer runs; the tokens are those of plain greedy decoding.
 *
 * Source: Saxena 2023, "Prompt lookup decoding"; Leviathan et al. 2023 (arXiv:2211.17192) for checking drafts in one run.
 */
import { SlmError } from "@slm/core";
import { notFinite } from "./logits.js";
import { type DecodeOptions, type Decoded, type EndReason, checkInterrupted, isLate } from "./options.js";
import type { DraftVerifier } from "./step-decoder.js";

export interface PromptLookupOptions extends Pick<
  DecodeOptions,
  "bos" | "eos" | "maxTokens" | "onToken" | "stopsAfter" | "deadlineMs" | "signal"
> {
  /** Ids to copy from, in addition to the answer itself. */
  readonly source: readonly number[];
  /** Most tokens drafted at once. */
  readonly draftTokens: number;
}

/** Longest suffix of the answer that is searched for [tokens]. */
const LONGEST_MATCH = 3;

/**
 * Draft tokens: searches for the suffix of the answer earlier in the answer and in the source, and copies the tokens after the
 * match, at most `count`. Without a match there are none. The longest match wins, then the latest in the answer, then the first in
 * the source.
 */
export function draftByPromptLookup(
  source: readonly number[],
  answer: readonly number[],
  count: number,
): readonly number[] {
  for (let length = Math.min(LONGEST_MATCH, answer.length); length > 0; length--) {
    const end = answer.slice(-length);
    const stands = (ids: readonly number[], at: number): boolean =>
      end.every((id, step) => ids[at + step] === id);
    for (let at = answer.length - length - 1; at >= 0; at--)
      if (stands(answer, at)) return answer.slice(at + length, at + length + count);
    for (let at = 0; at + length < source.length; at++)
      if (stands(source, at)) return source.slice(at + length, at + length + count);
  }
  return [];
}

/**
 * The greedy answer of a decoder of one row.
 *
 * @throws SlmError USAGE unless `draftTokens` and `maxTokens` are positive integers; INTERRUPTED; DATA_INVALID if logits are
 * not finite.
 */
export async function decodeWithPromptLookup(
  decoder: DraftVerifier,
  options: PromptLookupOptions,
): Promise<Decoded> {
  const { bos, source, draftTokens, maxTokens, onToken, stopsAfter, signal } = options;
  for (const [name, value] of Object.entries({ draftTokens, maxTokens })) {
    if (!Number.isInteger(value) || value < 1)
      throw new SlmError("USAGE", `decoding: ${name} must be a positive integer, got ${value}`);
  }
  const tokens: number[] = [];
  let logProbability = 0;
  let reason: EndReason | undefined;
  let past = 0;
  while (reason === undefined) {
    checkInterrupted(signal);
    const drafted = draftByPromptLookup(source, tokens, Math.min(draftTokens, maxTokens - tokens.length - 1));
    const best = await decoder.feed(past, [tokens.at(-1) ?? bos, ...drafted]);
    const late = isLate(options);
    for (let at = 0; at <= drafted.length && reason === undefined; at++) {
      const token = best.ids[at]!;
      if (!Number.isFinite(best.logProbabilities[at])) throw notFinite();
      logProbability += best.logProbabilities[at]!;
      past++;
      if (token === options.eos) {
        reason = "eos";
        break;
      }
      tokens.push(token);
      onToken?.(0, token);
      if (stopsAfter?.(0, tokens) === true) reason = "stop";
      else if (tokens.length === maxTokens) reason = "length";
      // Tokens after a wrong draft token were computed from it, so they are dropped.
      if (drafted[at] !== token) break;
    }
    if (late) reason ??= "time";
  }
  return { tokens, logProbability, finished: reason === "eos", reason };
}
