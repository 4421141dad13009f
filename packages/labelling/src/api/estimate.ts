/** What labelling by a server will cost, before anything is sent: an estimate by characters. */
import type { ApiFile } from "./api-file.js";
import { CHARACTERS_PER_TOKEN, estimatedInput } from "./request-body.js";

/** What will be asked. */
export interface AnswerVolume {
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
}

/** Four characters count as one token; answers that are stored already are not left out. */
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

/** What an estimate is made of. */
export const estimateBasis = `${CHARACTERS_PER_TOKEN} characters counted as one token, answers that are stored already included`;

/** An estimate in words. */
export function estimateText({ requests, inputTokens, outputTokens }: AnswerEstimate): string {
  return `estimate: ${requests} requests, about ${inputTokens} input and ${outputTokens} output tokens (${estimateBasis})`;
}
