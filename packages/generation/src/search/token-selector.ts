/** Picks the tokens of one text, one after the other. */
import { argmax } from "../sampling/logits.js";
import { sampleToken, type SamplingOptions } from "../sampling/sampling.js";
import type { TokenConstraint } from "../rules/token-constraint.js";
import { applyRules, isEnd, isRuling, SeenTokens, type TokenRules } from "../rules/token-rules.js";

export interface TokenSelectorOptions {
  /** Ends the text. */
  readonly eos: number;
  /** Maximum number of tokens of the text, including EOS: the position of a rule's forced last token. Default: no forced last token. */
  readonly maxTokens?: number | undefined;
  /** Sampling. Default: argmax, ties to the lowest id. */
  readonly sampling?: (SamplingOptions & { readonly random: () => number }) | undefined;
  readonly rules?: TokenRules | undefined;
  /** Its state at the beginning of the text. */
  readonly constraint?: TokenConstraint | undefined;
  /** Ids fed before the answer, BOS included: the repetition penalty counts them. */
  readonly before?: Iterable<number> | undefined;
  /** Ids of the source, which rules may forbid to repeat. */
  readonly source?: readonly number[] | undefined;
}

/**
 * Returns a function from logits `[vocab]` to the next id of one text. Call it once per token, in order, because penalties and
 * constraints depend on earlier tokens. It does not change the logits.
 *
 * Order: bias, repetition, presence and frequency penalty, forbidden and forced ids, constraint; then temperature, top-k, top-p and min-p as in
 * {@link sampleToken}.
 */
export function createTokenSelector(options: TokenSelectorOptions): (logits: Float32Array) => number {
  const { eos, maxTokens, sampling, rules, before = [], source } = options;
  const pick = (scores: Float32Array): number =>
    sampling === undefined ? argmax(scores) : sampleToken(scores, sampling, sampling.random);
  let { constraint } = options;
  const isRuled = isRuling(rules);
  if (!isRuled && constraint === undefined) return pick;
  const pickAllowed = (scores: Float32Array): number => {
    if (constraint === undefined) return pick(scores);
    // If the id with the highest score is allowed, it is also the best allowed id, so no other id is checked.
    const highest = sampling === undefined ? argmax(scores) : undefined;
    if (highest !== undefined && constraint.allows(highest)) return highest;
    constraint.mask(scores);
    return pick(scores);
  };
  const seen = new SeenTokens(before);
  let scores = new Float32Array(0);
  return (logits) => {
    if (scores.length !== logits.length) scores = new Float32Array(logits.length);
    scores.set(logits);
    if (isRuled) applyRules(scores, rules, seen, { eos, maxTokens, source });
    const id = pickAllowed(scores);
    seen.add(id);
    if (!isEnd({ eos, rules }, id)) constraint = constraint?.after(id);
    return id;
  };
}
