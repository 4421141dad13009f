/** Picks the tokens of one text, one after the other. */
import { argmax } from "./logits.js";
import { sampleToken, type SamplingOptions } from "./sampling.js";
import type { TokenConstraint } from "./token-constraint.js";
import { applyRules, isRuling, SeenTokens, type TokenRules } from "./token-rules.js";

export interface TokenSelectorOptions {
  /** Ends the text. */
  readonly eos: number;
  /** Draws; absent: the most probable id, of equals the lowest. */
  readonly sampling?: (SamplingOptions & { readonly random: () => number }) | undefined;
  readonly rules?: TokenRules | undefined;
  /** State at the beginning of the text. */
  readonly constraint?: TokenConstraint | undefined;
  /** Ids fed before the answer, the beginning token included: the repetition penalty counts them. */
  readonly before?: Iterable<number> | undefined;
}

/**
 * A function from logits `[vocab]` to the next id of one text. It must be asked once per token, in order, as penalties and
 * constraints depend on what was chosen before. The logits stay as they are.
 *
 * Scores are made in this order: bias, repetition, presence and frequency penalty, constraint; then temperature, top-k,
 * top-p and min-p as {@link sampleToken} says.
 */
export function createTokenSelector(options: TokenSelectorOptions): (logits: Float32Array) => number {
  const { eos, sampling, rules, before = [] } = options;
  const pick = (scores: Float32Array): number =>
    sampling === undefined ? argmax(scores) : sampleToken(scores, sampling, sampling.random);
  let { constraint } = options;
  const isRuled = isRuling(rules);
  if (!isRuled && constraint === undefined) return pick;
  const seen = new SeenTokens(before);
  let scores = new Float32Array(0);
  return (logits) => {
    if (scores.length !== logits.length) scores = new Float32Array(logits.length);
    scores.set(logits);
    if (isRuled) applyRules(scores, rules, seen);
    constraint?.mask(scores);
    const id = pick(scores);
    seen.add(id);
    if (id !== eos) constraint = constraint?.after(id);
    return id;
  };
}
