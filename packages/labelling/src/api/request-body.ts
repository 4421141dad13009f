/** Builds the request for one answer. */
import { hashJson } from "@slm/core";
import type { ApiRequest } from "./api-file.js";

export interface AnswerRequest {
  readonly source: string;
  readonly url: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Hash of address and body; identifies the answer. */
  readonly key: string;
  /** Upper bound of its tokens. */
  readonly bound: Usage;
}

/** Tokens of an answer, as counted by the server. */
export interface Usage {
  readonly input: number;
  readonly output: number;
}

/** Number of tokens that a server's chat template may add: special tokens, a default system message, the date. */
const TEMPLATE_TOKENS = 128;

/**
 * The request for the most probable answer (temperature 0). Models that want `max_completion_tokens` reject a temperature.
 *
 * Source: OpenAI's API reference, chat completions and completions; the servers of vLLM, llama.cpp, llama-cpp-python and Ollama use the
 * same fields.
 */
export function answerRequest(request: ApiRequest, source: string): AnswerRequest {
  const { baseUrl, model, maxTokens, stop, extra, prompt } = request;
  const { max_completion_tokens: completionTokens } = extra;
  const asked = prompt.chat ? chatFields(prompt, source) : plainFields(prompt, source);
  const body = {
    model,
    ...asked.fields,
    ...(completionTokens === undefined ? { max_tokens: maxTokens, temperature: 0 } : {}),
    ...(stop.length === 0 ? {} : { stop }),
    ...extra,
  };
  const url = `${baseUrl.replace(/\/+$/u, "")}/${asked.path}`;
  return {
    source,
    url,
    body,
    key: hashJson({ url, body }),
    bound: { input: inputBound(asked.texts), output: Number(completionTokens ?? maxTokens) },
  };
}

interface Asked {
  readonly path: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** The texts of a request. */
  readonly texts: readonly string[];
}

function chatFields(
  { messages, before, after }: Extract<ApiRequest["prompt"], { readonly chat: true }>,
  source: string,
): Asked {
  const all = [...messages, { role: "user", content: `${before}${source}${after}` }];
  return {
    path: "chat/completions",
    fields: { messages: all },
    texts: all.map(({ content }) => content),
  };
}

function plainFields(
  { before, after }: Extract<ApiRequest["prompt"], { readonly chat: false }>,
  source: string,
): Asked {
  const prompt = `${before}${source}${after}`;
  return {
    path: "completions",
    fields: { prompt },
    texts: [prompt],
  };
}

/** Upper bound of the tokens of texts: apart from special tokens, there are never more tokens than bytes. */
function inputBound(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 8, TEMPLATE_TOKENS);
}

/** Characters per token in an estimate, typical of English text. */
export const CHARACTERS_PER_TOKEN = 4;

/** Estimated input tokens of a request, by the number of characters of its source. Four characters count as one token. */
export function estimatedInput({ prompt }: ApiRequest, sourceCharacters: number): number {
  const shown = prompt.chat ? prompt.messages.reduce((sum, { content }) => sum + content.length, 0) : 0;
  const characters = shown + prompt.before.length + sourceCharacters + prompt.after.length;
  return Math.ceil(characters / CHARACTERS_PER_TOKEN);
}
