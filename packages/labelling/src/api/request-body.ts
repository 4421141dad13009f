/** The request for one answer. */
import { hashJson } from "@slm/core";
import type { ApiRequest } from "./api-file.js";

export interface AnswerRequest {
  readonly source: string;
  readonly url: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Identifies the answer: a hash of address and body. */
  readonly key: string;
  /** Upper bound of the tokens it can cost. */
  readonly bound: Usage;
}

/** Tokens of an answer, as a server counts them. */
export interface Usage {
  readonly input: number;
  readonly output: number;
}

/** Tokens that a server's chat template may add: special tokens, a default system message, the date. */
const TEMPLATE_TOKENS = 128;

/**
 * The request for the most probable answer (temperature 0). Models that want `max_completion_tokens` reject a temperature.
 *
 * Source: OpenAI's API reference, chat completions and completions; the servers of vLLM, llama.cpp, llama-cpp-python and Ollama take
 * the same fields.
 */
export function answerRequest(request: ApiRequest, source: string): AnswerRequest {
  const { baseUrl, model, maxTokens, maxTokensField, stop, extra, logprobs, prompt } = request;
  const asked = prompt.chat ? chatFields(prompt, source, logprobs) : plainFields(prompt, source, logprobs);
  const body = {
    model,
    ...asked.fields,
    [maxTokensField]: maxTokens,
    ...(maxTokensField === "max_tokens" ? { temperature: 0 } : {}),
    ...(stop.length === 0 ? {} : { stop }),
    ...extra,
  };
  const url = `${baseUrl.replace(/\/+$/u, "")}/${asked.path}`;
  return {
    source,
    url,
    body,
    key: hashJson({ url, body }),
    bound: { input: inputBound(asked.texts), output: maxTokens },
  };
}

interface Asked {
  readonly path: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Texts that the model reads. */
  readonly texts: readonly string[];
}

function chatFields(
  { messages, before, after }: Extract<ApiRequest["prompt"], { readonly chat: true }>,
  source: string,
  logprobs: number,
): Asked {
  const all = [...messages, { role: "user", content: `${before}${source}${after}` }];
  return {
    path: "chat/completions",
    fields: { messages: all, ...(logprobs === 0 ? {} : { logprobs: true, top_logprobs: logprobs }) },
    texts: all.map(({ content }) => content),
  };
}

function plainFields(
  { before, after }: Extract<ApiRequest["prompt"], { readonly chat: false }>,
  source: string,
  logprobs: number,
): Asked {
  const prompt = `${before}${source}${after}`;
  return {
    path: "completions",
    fields: { prompt, ...(logprobs === 0 ? {} : { logprobs }) },
    texts: [prompt],
  };
}

/** Most tokens of texts: no tokenizer makes more tokens than bytes, special tokens apart. */
function inputBound(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 8, TEMPLATE_TOKENS);
}

/** Characters of a token in an estimate, as for English text. */
export const CHARACTERS_PER_TOKEN = 4;

/** Estimated input tokens of a request with a source of that many characters; four characters count as one token. */
export function estimatedInput({ prompt }: ApiRequest, sourceCharacters: number): number {
  const shown = prompt.chat ? prompt.messages.reduce((sum, { content }) => sum + content.length, 0) : 0;
  const characters = shown + prompt.before.length + sourceCharacters + prompt.after.length;
  return Math.ceil(characters / CHARACTERS_PER_TOKEN);
}
