import { withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core/errors";
import type { Generation, Model, Source } from "@slm/inference";
import { describe, expect, test } from "vitest";
import { answerPrompts, streamPrompts } from "./answer-prompts.js";

/** Answers in upper case, and rejects question marks. */
function answer(source: Source): Generation {
  const text = typeof source === "string" ? source : (source.text ?? "");
  if (text.includes("?")) throw new SlmError("DATA_INVALID", `generate: source 1 has '?'`);
  return {
    text: text.toUpperCase(),
    logProbability: 0,
    confidence: 1,
    abstained: false,
    tokens: [1],
    firstTokenMs: 1,
    totalMs: 1,
    stepsMs: [1],
    tokensPerSecond: 1000,
    finished: true,
    reason: "eos",
  };
}
const generate = (async (
  asked: Source | readonly Source[],
  options?: { onToken?: (row: number, piece: string) => void },
) => {
  if (Array.isArray(asked)) return Promise.resolve(asked.map((source: Source) => answer(source)));
  const generation = answer(asked as Source);
  options?.onToken?.(0, generation.text);
  return Promise.resolve(generation);
}) as Model["generate"];
const model = { generate };

const questions = (...prompts: readonly string[]) => prompts.map((prompt) => ({ prompt, source: prompt }));
const shown = (outcome: Generation | SlmError | undefined): string | undefined =>
  outcome instanceof SlmError ? outcome.message : outcome?.text;

describe("prompts of one call", () => {
  test("keep blank lines, and lose no answer to a prompt that cannot be read", async () => {
    const outcomes = await answerPrompts(model, questions("ab", "", "c?", "  ", "ef"), {});
    expect(outcomes.map(shown)).toEqual(["AB", undefined, "generate: source 1 has '?'", undefined, "EF"]);
  });

  test("are streamed with the same lines", async () => {
    let printed = "";
    const outcomes = await streamPrompts(model, questions("ab", "", "c?", "ef"), {}, (piece) => {
      printed += piece;
    });
    expect(printed).toBe("AB\n\n\nEF\n");
    expect(outcomes.map(shown)).toEqual(["AB", undefined, "generate: source 1 has '?'", "EF"]);
  });

  test("fail if none could be answered", async () => {
    await expect(answerPrompts(model, questions("a?", "", "b?"), {})).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
    await expect(streamPrompts(model, questions("a?"), {}, () => undefined)).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
  });
});
