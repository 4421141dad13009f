/** Schemas of responses. */
import { z } from "@hono/zod-openapi";

const usage = z.object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() });
const finishReason = z.enum(["stop", "length"]);
const confidence = z.number().min(0).max(1).describe("The model's probability of the whole answer.");
const abstained = z.boolean().describe("Whether the answer was withheld because its confidence is too low.");

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
        logprobs: z.looseObject({}).nullable(),
        confidence,
        abstained,
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
        message: z.object({
          role: z.literal("assistant"),
          content: z.string(),
          refusal: z.string().nullable(),
        }),
        finish_reason: finishReason,
        logprobs: z.looseObject({}).nullable(),
        confidence,
        abstained,
      }),
    ),
    usage,
  })
  .openapi("ChatCompletion");

export const generateResponse = z
  .object({
    results: z.array(
      z.object({
        text: z.string().describe("Empty if the answer was withheld."),
        logProbability: z.number().describe("Log-probability of the answer's tokens, EOS included [nats]."),
        confidence,
        abstained,
        reason: finishReason,
        sourceTokens: z.int(),
        tokens: z.int(),
        waitedMs: z.number(),
        imageMs: z.number().optional(),
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
