import { describe, expect, test } from "vitest";
import { teacherConfig } from "../teacher-config.js";
import type { ApiTeacherConfig } from "./api-config.js";
import { apiFileOf } from "./api-file.js";
import { estimateAnswers, estimateText } from "./estimate.js";

describe(estimateAnswers, () => {
  const settings = teacherConfig.parse({
    kind: "api",
    baseUrl: "http://127.0.0.1/v1",
    model: "m",
    maxTokens: 10,
    prompt: { instruction: "x".repeat(40), before: "y".repeat(8) },
  }) as ApiTeacherConfig;
  const file = apiFileOf(settings, []);

  test("counts the prompt in every request, and targets of the typical length", () => {
    const estimate = estimateAnswers(file, { requests: 100, sourceCharacters: 1200, targetCharacters: 16 });
    // (40 + 8 + 12) / 4 input tokens and 16 / 4 + 1 output tokens each.
    expect(estimate).toEqual({ requests: 100, inputTokens: 1500, outputTokens: 500 });
    expect(estimateText(estimate)).toMatch(
      /^estimate: 100 requests, about 1500 input and 500 output tokens \(4 characters/u,
    );
  });

  test("counts at most the longest target", () => {
    const { outputTokens } = estimateAnswers(file, {
      requests: 1,
      sourceCharacters: 4,
      targetCharacters: 4000,
    });
    expect(outputTokens).toBe(10);
  });
});
