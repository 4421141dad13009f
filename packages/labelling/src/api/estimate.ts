/** Estimates the tokens of labelling by a server from the number of characters. */
import type { ApiFile } from "./api-file.js";
import { CHARACTERS_PER_TOKEN, estimatedInput } from "./request-body.js";

/** The planned requests. */
export interface AnswerVolume {
  readonly requests: number;
  /** Total characters of their sources. */
  readonly sourceCharacters: number;
  /** Characters of a typical target. */
  readonly targetCharacters: number;
}

export interface AnswerEstimate {
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Four characters count as one token. Stored answers are counted, too. */
export function estimateAnswers(
  { request }: Pick<ApiFile, "request">,
  { requests, sourceCharacters, targetCharacters }: AnswerVolume,
): AnswerEstimate {
  const inputTokens = Math.round(
    requests * estimatedInput(request, sourceCharacters / Math.max(1, requests)),
  );
  const perTarget = Math.min(request.maxTokens, 1 + Math.ceil(targetCharacters / CHARACTERS_PER_TOKEN));
  const outputTokens = requests * perTarget;
  return { requests, inputTokens, outputTokens };
}

/** Basis of an estimate. */
export const estimateBasis = `${CHARACTERS_PER_TOKEN} characters count as one token; includes answers that are already stored`;

/** An estimate as a text. */
export function estimateText({ requests, inputTokens, outputTokens }: AnswerEstimate): string {
  return `estimate: ${requests} requests, about ${inputTokens} input and ${outputTokens} output tokens (${estimateBasis})`;
}
