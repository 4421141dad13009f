/** Schemas of requests. An unsupported option that would change the answer is rejected. */
import { z } from "@hono/zod-openapi";
import { MAX_TOP_LOGPROBS } from "./token-logprobs.js";

const maxTokens = z
  .int()
  .min(1)
  .max(1_000_000)
  .optional()
  .openapi({ description: "Largest number of tokens of the answer." });
const temperature = z
  .number()
  .min(0)
  .max(2)
  .default(0)
  .openapi({ description: "Sampling temperature. Default: 0, greedy." });
const topP = z.number().gt(0).max(1).default(1).openapi({
  description:
    "Sample from the smallest set of tokens whose probabilities reach this sum (nucleus sampling).",
});
const topK = z
  .int()
  .min(0)
  .max(1_000_000)
  .default(0)
  .openapi({ description: "Sample from this many of the most probable tokens; 0: from all." });
const minP = z.number().min(0).max(1).default(0).openapi({
  description: "Sample from tokens with at least this fraction of the top-1 probability.",
});
const repetitionPenalty = z
  .number()
  .gt(0)
  .max(100)
  .default(1)
  .openapi({ description: "Above 1 discourages tokens that have occurred, as in Hugging Face's generate." });
const penalty = z.number().min(-2).max(2).default(0);
const presencePenalty = penalty.openapi({
  description: "Subtracted from the logit of every token of the answer so far.",
});
const frequencyPenalty = penalty.openapi({
  description: "Subtracted from a token's logit once per occurrence in the answer so far.",
});
const logitBias = z
  .record(z.string().regex(/^\d{1,9}$/u, "expected a token id"), z.number().min(-100).max(100))
  .nullish()
  .transform((value) => new Map(Object.entries(value ?? {}).map(([id, bias]) => [Number(id), bias])))
  .openapi({ description: "Added to the logits of these token ids." });
const seed = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
  .optional();
const stop = z
  .union([z.string().min(1).max(256), z.array(z.string().min(1).max(256)).max(4)])
  .nullish()
  .transform((value) => (value == null ? [] : typeof value === "string" ? [value] : value));
const language = z.string().min(1).max(64).optional();
const sourceLanguage = language.openapi({
  description:
    "Language of the source, as the model's tokenizer names it (fra_Latn, fr, fr_XX). Default: the model's own.",
});
const targetLanguage = language.openapi({
  description:
    "Language of the answer, as the model's tokenizer names it. Models without language selection reject it.",
});
const model = z.string().max(256).optional().openapi({ description: "Name of the served model; optional." });
const responseFormat = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal("text") }),
    z.strictObject({ type: z.literal("json_object") }),
    z.strictObject({
      type: z.literal("json_schema"),
      json_schema: z.strictObject({
        name: z.string().max(64).optional(),
        description: z.string().max(10_000).optional(),
        strict: z.boolean().nullish(),
        schema: z.record(z.string(), z.unknown()),
      }),
    }),
  ])
  .default({ type: "text" })
  .openapi({
    description:
      "Format of the answer: any text, any JSON object, or JSON that a schema allows. A schema with a keyword that is not " +
      "supported is rejected. An answer that reaches its length limit may be cut off.",
  });
const text = z.string().min(1).max(1_000_000);

/** Accepted fields that do not change the answer. */
const ignored = {
  user: z.string().max(512).optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  store: z.boolean().optional(),
};

const shared = {
  model,
  temperature,
  top_p: topP,
  top_k: topK,
  min_p: minP,
  repetition_penalty: repetitionPenalty,
  presence_penalty: presencePenalty,
  frequency_penalty: frequencyPenalty,
  logit_bias: logitBias,
  source_language: sourceLanguage,
  target_language: targetLanguage,
  seed,
  stop,
  response_format: responseFormat,
  n: z.literal(1).optional(),
  stream: z.boolean().default(false),
  stream_options: z.strictObject({ include_usage: z.boolean().optional() }).nullish(),
  ...ignored,
};

const topLogprobs = z
  .int()
  .min(0)
  .max(MAX_TOP_LOGPROBS)
  .nullish()
  .openapi({ description: "Most probable tokens whose log-probabilities are returned per token." });

/** Log-probabilities are not streamed. */
const isNotStreamed = ({ stream, logprobs }: { stream: boolean; logprobs?: unknown }): boolean =>
  !stream || logprobs === undefined || logprobs === null || logprobs === false;
const NOT_STREAMED = { path: ["logprobs"], message: "cannot be streamed: remove stream or logprobs" };

export const completionRequest = z
  .strictObject({
    ...shared,
    prompt: z.union([text, z.array(text).min(1)]),
    max_tokens: maxTokens,
    logprobs: topLogprobs,
  })
  .refine(isNotStreamed, NOT_STREAMED)
  .openapi("CompletionRequest");

const imagePart = z
  .strictObject({
    type: z.literal("image_url"),
    image_url: z.strictObject({
      url: z.string().openapi({ description: "A base64 data URL; other URLs are not downloaded." }),
      detail: z
        .enum(["auto", "low", "high"])
        .optional()
        .openapi({ description: "Ignored: the model reads images at one size." }),
    }),
  })
  .openapi({
    description: "The image, for vision-language models; one per request.",
  });

const content = z.union([
  text,
  z
    .array(z.discriminatedUnion("type", [z.strictObject({ type: z.literal("text"), text }), imagePart]))
    .min(1)
    .max(64),
]);

export const chatRequest = z
  .strictObject({
    ...shared,
    messages: z
      .array(
        z.strictObject({
          role: z.enum(["system", "developer", "user", "assistant"]),
          content,
          name: z.string().optional(),
        }),
      )
      .min(1)
      .max(256)
      .openapi({
        description:
          "Messages. Their contents are joined with line breaks into one prompt. Messages of role system or developer are rejected: " +
          "the model was trained without a system prompt.",
      }),
    max_tokens: maxTokens,
    max_completion_tokens: maxTokens,
    logprobs: z.boolean().nullish().openapi({ description: "Whether log-probabilities are returned." }),
    top_logprobs: topLogprobs,
  })
  .refine(isNotStreamed, NOT_STREAMED)
  .openapi("ChatCompletionRequest");

export const generateRequest = z
  .strictObject({
    source: z
      .union([text, z.array(text).min(1)])
      .optional()
      .openapi({ description: "Source texts. Optional with an image if the model has a default prompt." }),
    image: z
      .string()
      .min(1)
      .optional()
      .openapi({ description: "The image of every source in base64, for vision-language models." }),
    maxTokens,
    temperature,
    topP,
    topK,
    minP,
    repetitionPenalty,
    presencePenalty,
    frequencyPenalty,
    logitBias,
    sourceLanguage,
    targetLanguage,
    seed,
    stop,
    responseFormat,
  })
  .openapi("GenerateRequest");

export type ResponseFormat = z.output<typeof responseFormat>;
export type ChatRequest = z.infer<typeof chatRequest>;
