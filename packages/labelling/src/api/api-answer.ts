/** Parses a server's untrusted response into the answer that is stored. */
import { SlmError } from "@slm/core";
import { z } from "zod";

const logProbability = z
  .number()
  .max(0.01) // Tolerance for rounding.
  .transform((value) => Math.min(value, 0));

const alternative = z.object({
  text: z.string(),
  /** UTF-8 bytes of the token, if the server sends them: a token can contain a part of a character. */
  bytes: z.array(z.int().min(0).max(255)).optional(),
  logProbability,
});

const answerToken = alternative.extend({ top: z.array(alternative) });

/** A stored answer. */
export const storedAnswer = z.object({
  /** Absent if the server sent none, for example for a refusal. */
  text: z.string().optional(),
  /** The server's finish reason. */
  finish: z.string(),
  usage: z.object({ input: z.int().nonnegative(), output: z.int().nonnegative() }).optional(),
  tokens: z.array(answerToken).optional(),
});

export type StoredAnswer = z.infer<typeof storedAnswer>;
export type AnswerToken = z.infer<typeof answerToken>;

const bytes = z.array(z.int().min(0).max(255)).nullish();

/** Log-probabilities in the format of chat completions, and of llama.cpp's completions. */
const contentLogprobs = z.object({
  content: z
    .array(
      z.object({
        token: z.string(),
        bytes,
        logprob: logProbability,
        top_logprobs: z.array(z.object({ token: z.string(), bytes, logprob: logProbability })).nullish(),
      }),
    )
    .nullish(),
});

/** Log-probabilities in the format of OpenAI's completions. */
const columnLogprobs = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(logProbability.nullable()),
  top_logprobs: z.array(z.record(z.string(), logProbability).nullable()).nullish(),
});

const responseBody = z.object({
  choices: z
    .array(
      z.object({
        text: z.string().nullish(),
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
        logprobs: z.union([columnLogprobs, contentLogprobs]).nullish(),
      }),
    )
    .min(1),
  usage: z
    .object({
      prompt_tokens: z.int().nonnegative(),
      completion_tokens: z.int().nonnegative().nullish(),
    })
    .nullish(),
});

/** @throws SlmError DATA_INVALID if the response does not follow OpenAI's API */
export function readAnswer(body: unknown, where: string): StoredAnswer {
  const parsed = responseBody.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new SlmError(
      "DATA_INVALID",
      `${where}: expected a response in the format of OpenAI's API: ${z.core.toDotPath(issue!.path)}: ${issue!.message}`,
    );
  }
  const { choices, usage } = parsed.data;
  const { text, message, finish_reason: reason, logprobs } = choices[0]!;
  return {
    text: message?.content ?? text ?? undefined,
    finish: typeof message?.refusal === "string" ? "refusal" : (reason ?? ""),
    usage: usage ? { input: usage.prompt_tokens, output: usage.completion_tokens ?? 0 } : undefined,
    tokens: logprobs ? tokensOf(logprobs) : undefined,
  };
}

function tokensOf(
  logprobs: z.infer<typeof columnLogprobs> | z.infer<typeof contentLogprobs>,
): AnswerToken[] | undefined {
  if ("tokens" in logprobs) {
    return logprobs.tokens.flatMap((text, place) => {
      const value = logprobs.token_logprobs[place];
      if (value === undefined || value === null) return [];
      const top = Object.entries(logprobs.top_logprobs?.[place] ?? {});
      return [
        {
          text,
          logProbability: value,
          top: top.map(([other, logProbability]) => ({ text: other, logProbability })),
        },
      ];
    });
  }
  return logprobs.content?.map(({ token, bytes: own, logprob, top_logprobs: top }) => ({
    text: token,
    bytes: own ?? undefined,
    logProbability: logprob,
    top: (top ?? []).map((other) => ({
      text: other.token,
      bytes: other.bytes ?? undefined,
      logProbability: other.logprob,
    })),
  }));
}

/** Whether a stored answer can be used as a label. */
export type AnswerOutcome = "finished" | "unfinished" | "refused";

/** Finish reasons. Sources: OpenAI's API reference; the servers of vLLM, text-generation-inference and llama.cpp. */
const OUTCOMES: Readonly<Record<string, AnswerOutcome>> = {
  stop: "finished",
  eos_token: "finished",
  stop_sequence: "finished",
  length: "unfinished",
  content_filter: "refused",
  refusal: "refused",
  tool_calls: "refused",
  function_call: "refused",
};

/** @throws SlmError DATA_INVALID for a finish reason that OpenAI's API does not define */
export function outcomeOf({ finish }: StoredAnswer, where: string): AnswerOutcome {
  const outcome = Object.hasOwn(OUTCOMES, finish) ? OUTCOMES[finish] : undefined;
  if (outcome !== undefined) return outcome;
  throw new SlmError(
    "DATA_INVALID",
    `${where}: expected one of the finish reasons ${Object.keys(OUTCOMES).join(", ")}, got '${finish.slice(0, 40)}'`,
  );
}

/** Mean log-probability of an answer's tokens [nats per token]; undefined if the server sent none. */
export function scoreOf({ tokens }: StoredAnswer): number | undefined {
  if (tokens === undefined || tokens.length === 0) return undefined;
  return tokens.reduce((sum, token) => sum + token.logProbability, 0) / tokens.length;
}

/** The target of an answer: its trimmed text; empty without text. */
export const targetOf = ({ text = "" }: StoredAnswer): string => text.trim();
