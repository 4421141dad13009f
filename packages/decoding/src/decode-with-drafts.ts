/**
 * Greedy decoding that drafts several tokens, and has one run of the decoder check them all: drafts of the decoder's own heads, of the host (by
 * rules, or copied), or both. Answers take fewer runs; the tokens are those of plain greedy decoding.
 *
 * Source: Stern et al. 2018 (arXiv:1811.03115), section 3; Saxena 2023, "Prompt lookup decoding"; Leviathan et al. 2023 (arXiv:2211.17192)
 * for checking drafts in one run.
 */
import { SlmError } from "@slm/core";
import { HostDrafter, type HostDrafts } from "@slm/runtime";
import { notFinite } from "./logits.js";
import { type DecodeOptions, type Decoded, type EndReason, checkInterrupted, isLate } from "./options.js";
import type { DraftVerifier } from "./step-decoder.js";
import { isEnd } from "./token-rules.js";

export interface DraftOptions extends Pick<
  DecodeOptions,
  "bos" | "eos" | "rules" | "maxTokens" | "onToken" | "stopsAfter" | "deadlineMs" | "signal"
> {
  /** Where drafts come from. Absent: there are none. */
  readonly host?: HostDrafts | undefined;
}

/**
 * The greedy answer of a decoder of one row.
 *
 * @throws SlmError USAGE unless `maxTokens` and the number of the host's drafts are positive integers; INTERRUPTED; DATA_INVALID if logits are
 * not finite.
 */
export async function decodeWithDrafts(decoder: DraftVerifier, options: DraftOptions): Promise<Decoded> {
  const { bos, eos, host, maxTokens, onToken, stopsAfter, signal } = options;
  for (const [name, value] of Object.entries({ draftTokens: host?.most ?? 1, maxTokens })) {
    if (!Number.isInteger(value) || value < 1)
      throw new SlmError("USAGE", `decoding: ${name} must be a positive integer, got ${value}`);
  }
  const tokens: number[] = [];
  let logProbability = 0;
  let reason: EndReason | undefined;
  let end: number | undefined;
  let past = 0;
  const drafter = new HostDrafter(host);
  let drafted = drafter.draft([], maxTokens - 1, eos);
  while (reason === undefined) {
    checkInterrupted(signal);
    const best = await decoder.feed(past, [tokens.at(-1) ?? bos, ...drafted]);
    const late = isLate(options);
    for (let at = 0; at <= drafted.length && reason === undefined; at++) {
      const token = best.ids[at]!;
      if (!Number.isFinite(best.logProbabilities[at])) throw notFinite();
      logProbability += best.logProbabilities[at]!;
      past++;
      if (isEnd(options, token)) {
        reason = "eos";
        end = token;
        break;
      }
      tokens.push(token);
      onToken?.(0, token);
      if (stopsAfter?.(0, tokens) === true) reason = "stop";
      else if (tokens.length === maxTokens) reason = "length";
      // Tokens after a wrong draft token were computed from it, so they are dropped.
      if (drafted[at] === token) continue;
      const room = maxTokens - tokens.length - 1;
      drafted = drafter.draft(tokens, room, eos);
      break;
    }
    if (late) reason ??= "time";
  }
  return { tokens, logProbability, finished: reason === "eos", end, reason };
}
