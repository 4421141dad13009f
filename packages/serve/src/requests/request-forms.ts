/** Converts the three forms of a request to one. */
import type { z } from "@hono/zod-openapi";
import { SlmError } from "@slm/core";
import type { TokenRules } from "@slm/generation";
import type { LanguagePair } from "@slm/tokenizer";
import { imageOfBase64, imageOfMessages, type ImageFile } from "./request-image.js";
import {
  chatRequest,
  completionRequest,
  generateRequest,
  type ChatRequest,
  type ResponseFormat,
} from "./request-schemas.js";
import type { TextFormat } from "./text-formats.js";

/** Generation options, shared by all sources of a request. */
interface AnswerOptions {
  readonly maxTokens: number | undefined;
  /** 0: greedy. */
  readonly temperature: number;
  readonly topP: number;
  /** 0: no limit. */
  readonly topK: number;
  readonly minP: number;
  readonly rules: TokenRules;
  readonly format: TextFormat;
  readonly seed: number | undefined;
  readonly stop: readonly string[];
  /** Number of alternatives per token; undefined: no log-probabilities. */
  readonly logprobs: number | undefined;
}

/** A request of any form. */
export interface AnyRequest {
  /** Name of the model that the client requests. */
  readonly model: string | undefined;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** Texts; undefined: the model's default prompt. */
  readonly sources: readonly (string | undefined)[];
  /** Image of all sources. */
  readonly image: ImageFile | undefined;
  /** Languages of all sources and answers. */
  readonly languages: LanguagePair;
  readonly options: AnswerOptions;
}

export interface RequestLimits {
  readonly maxBatch: number;
  readonly maxImageBytes: number;
  readonly maxImagePixels: number;
}

/** One row per form: its schema, and its conversion to a request. */
const FORMS = {
  completions: form(completionRequest, (request) => {
    return {
      ...headOf(request),
      sources: typeof request.prompt === "string" ? [request.prompt] : request.prompt,
      image: undefined,
      options: { ...optionsOf(request, request.max_tokens), logprobs: request.logprobs ?? undefined },
    };
  }),
  chat: form(chatRequest, (request, limits) => {
    const { logprobs, messages } = request;
    return {
      ...headOf(request),
      sources: [sourceOfMessages(messages)],
      image: imageOfMessages(messages, limits),
      options: {
        ...optionsOf(request, request.max_completion_tokens ?? request.max_tokens),
        logprobs: logprobs === true ? (request.top_logprobs ?? 0) : undefined,
      },
    };
  }),
  generate: form(generateRequest, (request, limits) => {
    const {
      source,
      image,
      sourceLanguage,
      targetLanguage,
      responseFormat,
      maxTokens,
      temperature,
      topP,
      topK,
      minP,
      seed,
      stop,
    } = request;
    const { repetitionPenalty, presencePenalty, frequencyPenalty, logitBias } = request;
    return {
      model: undefined,
      stream: false,
      includeUsage: false,
      sources: Array.isArray(source) ? source : [source],
      image: image === undefined ? undefined : imageOfBase64(image, limits),
      languages: { source: sourceLanguage, target: targetLanguage },
      options: {
        maxTokens,
        temperature,
        topP,
        topK,
        minP,
        seed,
        stop,
        rules: { repetitionPenalty, presencePenalty, frequencyPenalty, logitBias },
        format: formatOf(responseFormat),
        logprobs: undefined,
      },
    };
  }),
} as const;

export type RequestForm = keyof typeof FORMS;

/**
 * Converts a JSON value to a request.
 *
 * @throws InvalidRequest for a value that the schema rejects; SlmError DATA_INVALID, USAGE for an image, a format or a number of sources
 * that is not allowed.
 */
export function requestOf(name: RequestForm, value: unknown, limits: RequestLimits): AnyRequest {
  const request = FORMS[name](value, limits);
  const { length } = request.sources;
  if (length > limits.maxBatch)
    throw new SlmError("USAGE", `a request may have at most ${limits.maxBatch} sources, got ${length}`);
  return request;
}

function form<Schema extends z.ZodType>(
  schema: Schema,
  read: (request: z.output<Schema>, limits: RequestLimits) => AnyRequest,
): (value: unknown, limits: RequestLimits) => AnyRequest {
  return (value, limits) => {
    const { data, error } = schema.safeParse(value);
    if (error !== undefined) throw new SlmError("USAGE", issueText(error.issues));
    return read(data, limits);
  };
}

/** Message for a client: the first issues. */
function issueText(issues: z.ZodError["issues"]): string {
  return issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.map(String).join(".") || "body"}: ${message}`.slice(0, 500))
    .join("; ");
}

type OpenAiRequest = Omit<z.output<typeof completionRequest>, "prompt" | "logprobs">;

function headOf({
  model,
  stream,
  stream_options,
  source_language: source,
  target_language: target,
}: OpenAiRequest): Pick<AnyRequest, "model" | "stream" | "includeUsage" | "languages"> {
  const includeUsage = stream_options?.include_usage === true;
  return { model, stream, includeUsage, languages: { source, target } };
}

/** Converts OpenAI's request options and common extensions of other servers. */
function optionsOf(request: OpenAiRequest, maxTokens: number | undefined): Omit<AnswerOptions, "logprobs"> {
  const { temperature, top_p: topP, top_k: topK, min_p: minP, seed, stop } = request;
  const rules = {
    repetitionPenalty: request.repetition_penalty,
    presencePenalty: request.presence_penalty,
    frequencyPenalty: request.frequency_penalty,
    logitBias: request.logit_bias,
  };
  const format = formatOf(request.response_format);
  return { maxTokens, temperature, topP, topK, minP, rules, format, seed, stop };
}

function formatOf(asked: ResponseFormat): TextFormat {
  switch (asked.type) {
    case "text":
      return { kind: "text" };
    case "json_object":
      return { kind: "object" };
    case "json_schema":
      return { kind: "schema", schema: JSON.stringify(asked.json_schema.schema) };
  }
}

/**
 * The prompt of a conversation: the contents of all messages, one per line; undefined if all are images.
 *
 * @throws SlmError USAGE for a system prompt: the model would read it as a part of its input
 */
function sourceOfMessages(messages: ChatRequest["messages"]): string | undefined {
  const system = messages.findIndex(({ role }) => role === "system" || role === "developer");
  if (system !== -1) {
    throw new SlmError(
      "USAGE",
      `messages.${system}: the model was trained without a system prompt; leave out messages of role '${messages[system]!.role}'`,
    );
  }
  const texts = messages.flatMap(({ content }) => {
    if (typeof content === "string") return [content];
    const parts = content.flatMap((part) => (part.type === "text" ? [part.text] : []));
    return parts.length === 0 ? [] : [parts.join("")];
  });
  return texts.length === 0 ? undefined : texts.join("\n");
}
