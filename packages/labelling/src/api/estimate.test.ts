import { describe, expect, test } from "vitest";
import { teacherConfig } from "../teacher-config.js";
import type { ApiTeacherConfig } from "./api-config.js";
import { apiFileOf } from "./api-file.js";
import { estimateAnswers, estimateText } from "./estimate.js";

describe(estimateAnswers, () => {
  const settings = teacherConfig.parse({
    ...{ kind: "api", baseUrl: "http://127.0.0.1/v1", model: "m", maxTokens: 10, requestsPerMinute: 60 },
    prompt: { system: "x".repeat(40), before: "y".repeat(8) },
    price: { perMillionInputTokens: 1000, perMillionOutputTokens: 4000 },
  }) as ApiTeacherConfig;
  const file = apiFileOf(settings, []);

  test("counts the prompt in every request, and targets of the typical length", () => {
    const estimate = estimateAnswers(file, { requests: 100, sourceCharacters: 1200, targetCharacters: 16 });
    // (40 + 8 + 12) / 4 input tokens and 16 / 4 + 1 output tokens each.
    expect(estimate).toEqual({
      ...{ requests: 100, inputTokens: 1500, outputTokens: 500, leastSeconds: 100 },
      price: expect.closeTo(1.5 + 2, 9) as number,
    });
    expect(estimateText(estimate)).toMatch(
      /^estimate: 100 requests, about 1500 input and 500 output tokens, about 3.5 in price \(4 characters/u,
    );
  });

  test("counts no more than the longest target", () => {
    const { outputTokens } = estimateAnswers(file, {
      requests: 1,
      sourceCharacters: 4,
      targetCharacters: 4000,
    });
    expect(outputTokens).toBe(10);
  });
});
