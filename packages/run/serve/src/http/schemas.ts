/** What clients may send and what they get. An option that would change the answer and is not there is refused. */
import { z } from "@hono/zod-openapi";

const maxTokens = z
  .int()
  .min(1)
  .max(1_000_000)
  .optional()
  .openapi({ description: "Most tokens of the answer." });
const temperature = z
  .number()
  .min(0)
  .max(2)
  .default(0)
  .openapi({ description: "0 takes the likeliest token, the default; above, tokens are drawn." });
const topP = z.number().gt(0).max(1).default(1);
const seed = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
  .optional();
const stop = z
  .union([z.string().min(1).max(256), z.array(z.string().min(1).max(256)).max(4)])
  .nullish()
  .transform((value) => (value == null ? [] : typeof value === "string" ? [value] : value));
const model = z
  .string()
  .max(256)
  .optional()
  .openapi({ description: "Name of the model that is served, or nothing." });
const text = z.string().min(1).max(1_000_000);

/** Fields that clients send along and that change no answer. */
const ignored = {
  user: z.string().max(512).optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  store: z.boolean().optional(),
};

const shared = {
  model,
  temperature,
  top_p: topP,
  seed,
  stop,
  n: z.literal(1).optional(),
  stream: z.boolean().default(false),
  stream_options: z.strictObject({ include_usage: z.boolean().optional() }).nullish(),
  ...ignored,
};

export const completionRequest = z
  .strictObject({ ...shared, prompt: z.union([text, z.array(text).min(1)]), max_tokens: maxTokens })
  .openapi("CompletionRequest");

const content = z.union([
  text,
  z
    .array(z.strictObject({ type: z.literal("text"), text }))
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
      .openapi({ description: "The model reads the contents, one line after the other." }),
    max_tokens: maxTokens,
    max_completion_tokens: maxTokens,
  })
  .openapi("ChatCompletionRequest");

export const generateRequest = z
  .strictObject({
    source: z.union([text, z.array(text).min(1)]),
    maxTokens,
    temperature,
    topP,
    seed,
    stop,
  })
  .openapi("GenerateRequest");

const usage = z.object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() });
const finishReason = z.enum(["stop", "length"]);

export const completionResponse = z
  .object({
    id: z.string(),
    object: z.literal("text_completion"),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        text: z.string(),
        finish_reason: finishReason.nullable(),
        logprobs: z.null(),
      }),
    ),
    usage,
  })
  .openapi("Completion");

export const chatResponse = z
  .object({
    id: z.string(),
    object: z.literal("chat.completion"),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        message: z.object({ role: z.literal("assistant"), content: z.string(), refusal: z.null() }),
        finish_reason: finishReason,
        logprobs: z.null(),
      }),
    ),
    usage,
  })
  .openapi("ChatCompletion");

export const generateResponse = z
  .object({
    results: z.array(
      z.object({
        text: z.string(),
        reason: finishReason,
        sourceTokens: z.int(),
        tokens: z.int(),
        waitedMs: z.number(),
        firstTokenMs: z.number(),
        totalMs: z.number(),
      }),
    ),
  })
  .openapi("GenerateResponse");

export const modelsResponse = z
  .object({
    object: z.literal("list"),
    data: z.array(
      z.object({ id: z.string(), object: z.literal("model"), created: z.int(), owned_by: z.string() }),
    ),
  })
  .openapi("Models");

export const healthResponse = z
  .object({
    status: z.enum(["ready", "draining"]),
    model: z.string(),
    loadedAt: z.int(),
    waiting: z.int(),
    active: z.int(),
  })
  .openapi("Health");

export const errorResponse = z
  .object({ error: z.object({ message: z.string(), type: z.string(), code: z.string(), param: z.null() }) })
  .openapi("Error");

export type CompletionRequest = z.infer<typeof completionRequest>;
export type ChatRequest = z.infer<typeof chatRequest>;
export type GenerateRequest = z.infer<typeof generateRequest>;
