/** What labelling by a server will cost, before anything is sent: an estimate by characters. */
import type { ApiFile } from "./api-file.js";
import { formatAmount, priceOf } from "./budget.js";
import { CHARACTERS_PER_TOKEN, estimatedInput } from "./request-body.js";

/** What will be asked. */
export interface AnswerVolume {
  /** Requests, samples counted. */
  readonly requests: number;
  /** Characters of all their sources together. */
  readonly sourceCharacters: number;
  /** Characters of a typical target. */
  readonly targetCharacters: number;
}

export interface AnswerEstimate {
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** In the currency of the settings; undefined without a price. */
  readonly price?: number | undefined;
  /** Least time that the limits per minute allow [s]; undefined without limits. */
  readonly leastSeconds?: number | undefined;
}

/** Four characters count as one token; answers that are stored already are not left out. */
export function estimateAnswers(
  { request, limits }: Pick<ApiFile, "request" | "limits">,
  { requests, sourceCharacters, targetCharacters }: AnswerVolume,
): AnswerEstimate {
  const inputTokens = Math.round(
    requests * estimatedInput(request, sourceCharacters / Math.max(1, requests)),
  );
  const perTarget = Math.min(request.maxTokens, 1 + Math.ceil(targetCharacters / CHARACTERS_PER_TOKEN));
  const outputTokens = requests * perTarget;
  const { requestsPerMinute, tokensPerMinute, price } = limits;
  // Servers count the longest target, as the pace does.
  const pacedTokens = inputTokens + requests * request.maxTokens;
  const minutes = Math.max(
    requests / (requestsPerMinute ?? Infinity),
    pacedTokens / (tokensPerMinute ?? Infinity),
  );
  return {
    requests,
    inputTokens,
    outputTokens,
    price: priceOf(price, { input: inputTokens, output: outputTokens }),
    leastSeconds: minutes === 0 ? undefined : minutes * 60,
  };
}

/** What an estimate is made of. */
export const estimateBasis = `${CHARACTERS_PER_TOKEN} characters counted as one token, answers that are stored already included`;

/** An estimate in words. */
export function estimateText({ requests, inputTokens, outputTokens, price }: AnswerEstimate): string {
  const parts = [
    `${requests} requests`,
    `about ${inputTokens} input and ${outputTokens} output tokens`,
    ...(price === undefined ? [] : [`about ${formatAmount(price)} in price`]),
  ];
  return `estimate: ${parts.join(", ")} (${estimateBasis})`;
}
