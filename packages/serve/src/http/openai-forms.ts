/** Formats answers as OpenAI's completions and chat completions. */
import type { z } from "@hono/zod-openapi";
import type { TextAnswer } from "../model/text-request.js";
import { chatLogprobs, completionLogprobs } from "../requests/token-logprobs.js";
import type { ResponseHead, StreamEvents } from "./answer.js";
import type { chatResponse, completionResponse } from "../requests/response-schemas.js";

export function usageOf(answers: readonly TextAnswer[]): {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
} {
  const prompt = answers.reduce((sum, { sourceTokens }) => sum + sourceTokens, 0);
  const completion = answers.reduce((sum, { tokens }) => sum + tokens, 0);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

type Choice<Response extends { readonly choices: readonly unknown[] }> = Response["choices"][number];

/** One answer of completions. */
export function completionChoice(
  { text, reason, logprobs, confidence, abstained }: TextAnswer,
  index: number,
): Choice<z.input<typeof completionResponse>> {
  return {
    index,
    text,
    finish_reason: reason,
    logprobs: completionLogprobs(logprobs),
    confidence,
    abstained,
  };
}

/** The answer to a conversation. */
export function chatChoice(answer: TextAnswer, index: number): Choice<z.input<typeof chatResponse>> {
  const { text, reason, logprobs, confidence, abstained } = answer;
  return {
    index,
    message: { role: "assistant", content: text, refusal: refusalOf(answer) },
    finish_reason: reason,
    logprobs: chatLogprobs(logprobs),
    confidence,
    abstained,
  };
}

/** OpenAI's `refusal` field: why an answer was withheld; null for a given answer. */
function refusalOf({ abstained, confidence }: TextAnswer): string | null {
  return abstained
    ? `The model is not sure enough of its answer (confidence ${confidence.toPrecision(3)}).`
    : null;
}

export function completionEvents(head: ResponseHead, includeUsage: boolean): StreamEvents {
  const chunk = (choices: readonly object[], more: object = {}): object => {
    return { ...head, object: "text_completion", choices, ...more };
  };
  return {
    piece: (index, text) => chunk([{ index, text, finish_reason: null, logprobs: null }]),
    end: (index, { reason, confidence, abstained }) =>
      chunk([{ index, text: "", finish_reason: reason, logprobs: null, confidence, abstained }]),
    last: (answers) => (includeUsage ? chunk([], { usage: usageOf(answers) }) : undefined),
  };
}

export function chatEvents(head: ResponseHead, includeUsage: boolean): StreamEvents {
  const chunk = (choices: readonly object[], more: object = {}): object => {
    return { ...head, object: "chat.completion.chunk", choices, ...more };
  };
  const delta = (index: number, change: object, reason: string | null, more: object = {}): object => {
    return chunk([{ index, delta: change, finish_reason: reason, logprobs: null, ...more }]);
  };
  return {
    start: (index) => delta(index, { role: "assistant", content: "" }, null),
    piece: (index, content) => delta(index, { content }, null),
    end: (index, answer) => {
      const { reason, confidence, abstained } = answer;
      return delta(index, abstained ? { refusal: refusalOf(answer) } : {}, reason, { confidence, abstained });
    },
    last: (answers) => (includeUsage ? chunk([], { usage: usageOf(answers) }) : undefined),
  };
}
