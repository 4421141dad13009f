/** Answers in the formats of OpenAI's completions and chat completions. */
import type { TextAnswer } from "../served-model.js";
import type { ResponseHead, StreamEvents } from "./answer.js";
import type { ChatRequest } from "./schemas.js";

export function usageOf(answers: readonly TextAnswer[]): {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
} {
  const prompt = answers.reduce((sum, { sourceTokens }) => sum + sourceTokens, 0);
  const completion = answers.reduce((sum, { tokens }) => sum + tokens, 0);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

/** Why an answer was withheld, in the field that clients of OpenAI's interface read; null for a given answer. */
export function refusalOf({ abstained, confidence }: TextAnswer): string | null {
  return abstained
    ? `The model is not sure enough of its answer (confidence ${confidence.toPrecision(3)}).`
    : null;
}

/** The prompt of a conversation: the contents of all messages, one per line; undefined if all are images. */
export function sourceOfMessages(messages: ChatRequest["messages"]): string | undefined {
  const texts = messages.flatMap(({ content }) => {
    if (typeof content === "string") return [content];
    const parts = content.flatMap((part) => (part.type === "text" ? [part.text] : []));
    return parts.length === 0 ? [] : [parts.join("")];
  });
  return texts.length === 0 ? undefined : texts.join("\n");
}

interface StreamOptions {
  readonly include_usage?: boolean | undefined;
}

export function completionEvents(
  head: ResponseHead,
  options: StreamOptions | null | undefined,
): StreamEvents {
  const chunk = (choices: readonly object[], more: object = {}): object => {
    return { ...head, object: "text_completion", choices, ...more };
  };
  return {
    piece: (index, text) => chunk([{ index, text, finish_reason: null, logprobs: null }]),
    end: (index, { reason, confidence, abstained }) =>
      chunk([{ index, text: "", finish_reason: reason, logprobs: null, confidence, abstained }]),
    last: (answers) => (options?.include_usage === true ? chunk([], { usage: usageOf(answers) }) : undefined),
  };
}

export function chatEvents(head: ResponseHead, options: StreamOptions | null | undefined): StreamEvents {
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
    last: (answers) => (options?.include_usage === true ? chunk([], { usage: usageOf(answers) }) : undefined),
  };
}
