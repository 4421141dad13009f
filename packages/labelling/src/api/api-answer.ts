/** Parses a server's untrusted response into the answer that is stored. */
import { SlmError } from "@slm/core";
import { z } from "zod";

/** A stored answer. */
export const storedAnswer = z.object({
  /** Absent if the server sent none, for example for a refusal. */
  text: z.string().optional(),
  /** The server's finish reason. */
  finish: z.string(),
  usage: z.object({ input: z.int().nonnegative(), output: z.int().nonnegative() }).optional(),
});

export type StoredAnswer = z.infer<typeof storedAnswer>;

const responseBody = z.object({
  choices: z
    .array(
      z.object({
        text: z.string().nullish(),
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
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
  const { text, message, finish_reason: reason } = choices[0]!;
  return {
    text: message?.content ?? text ?? undefined,
    finish: typeof message?.refusal === "string" ? "refusal" : (reason ?? ""),
    usage: usage ? { input: usage.prompt_tokens, output: usage.completion_tokens ?? 0 } : undefined,
  };
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

/** The target of an answer: its trimmed text; empty without text. */
export const targetOf = ({ text = "" }: StoredAnswer): string => text.trim();
