import { SlmError } from "@slm/core/errors";

/** Rounding tolerance below zero of a negative log-likelihood [nats per token]. */
const ROUNDING = 1e-6;

/**
 * Perplexity of a text under a model: exp of the mean negative log-likelihood per token. A uniform distribution over v
 * tokens has perplexity v; 1 is perfect. It is not a row of `METRICS`, because it needs likelihoods, not
 * answers. Perplexities are comparable only between models with the same tokenizer.
 *
 * Units: negativeLogLikelihoodNats is the sum over all tokens of -ln p(token | tokens before it) [nats]; the result has no
 * unit. Above 709 nats per token it is beyond a double and Infinity.
 * Source: Jelinek, Mercer, Bahl, Baker 1977; Jurafsky and Martin, Speech and Language Processing, section 3.3.
 *
 * @throws SlmError DATA_INVALID if tokens is not a positive integer, or the sum is not a number or negative.
 * @example perplexity(3 * Math.log(50), 3) // 50
 */
export function perplexity(negativeLogLikelihoodNats: number, tokens: number): number {
  if (!Number.isSafeInteger(tokens) || tokens < 1) {
    throw new SlmError("DATA_INVALID", `perplexity: expected a positive number of tokens, got ${tokens}`);
  }
  const perToken = negativeLogLikelihoodNats / tokens;
  if (!Number.isFinite(perToken) || perToken < -ROUNDING) {
    throw new SlmError(
      "DATA_INVALID",
      `perplexity: expected a negative log-likelihood of 0 nats or more, got ${negativeLogLikelihoodNats}`,
      { context: { negativeLogLikelihoodNats, tokens } },
    );
  }
  return Math.exp(Math.max(0, perToken));
}
