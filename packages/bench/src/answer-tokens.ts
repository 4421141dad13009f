/** How many tokens a model generates for a known answer. */
import type { DeviceModel } from "@slm/exported-model";
import type { ModelDescription } from "@slm/inference";

/**
 * Tokens of an answer as the model generates it, EOS included. An empty answer is EOS alone.
 *
 * @throws SlmError DATA_INVALID for a symbol outside the vocabulary.
 */
export function tokensOfAnswer(
  answer: string,
  tokenizer: Pick<ModelDescription["tokenizer"], "encodeTarget">,
): number {
  return (answer.trim() === "" ? 0 : tokenizer.encodeTarget(answer).length) + 1;
}

/**
 * Tokens that the model can generate for a source of `sourceTokens`. An encoder-decoder has a cache for the source alone; a decoder-only model has
 * source and answer in one cache.
 */
export function answerRoom({ architecture, maxTarget }: DeviceModel, sourceTokens: number): number {
  return architecture === "decoder-only" ? maxTarget - sourceTokens : maxTarget;
}
