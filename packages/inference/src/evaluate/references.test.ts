import { withCode } from "@slm/core/testing";
import { METRICS } from "@slm/metrics";
import { describe, expect, test } from "vitest";
import { checkReferences, isBlank, isCorrect } from "./references.js";

describe(isCorrect, () => {
  test.each([
    ["K  AE T", ["X", "K AE T"], true],
    ["K AE", ["K AE T"], false],
    ["one star #### 1", ["two stars #### 1"], true],
    ["1", ["one star #### 1"], false],
    ["", [], true],
    [" \u0085", [""], true],
    ["yes", [""], false],
    ["", ["", "Paris"], false],
    ["Paris", ["", "Paris"], true],
  ])("of %j with references %j is %s", (prediction, references, right) => {
    expect(isCorrect(prediction, references)).toBe(right);
  });
});

describe(isBlank, () => {
  test("treats the same characters as whitespace as the metrics", () => {
    for (const blank of ["", " ", "\u0085", "\u001c", "\u2003"]) {
      expect(isBlank(blank)).toBe(true);
      expect(() => METRICS.exactMatch.rowScore("", [blank])).toThrow();
    }
    for (const text of ["\ufeff", "\u200b", " a "]) {
      expect(isBlank(text)).toBe(false);
      expect(METRICS.exactMatch.rowScore(text, [text])).toBe(1);
    }
  });
});

describe(checkReferences, () => {
  test("reports the row, the problem, and the metrics that support questions without an answer", () => {
    const check = (): void => {
      checkReferences([], ["squadF1", "wer"], 7);
    };
    expect(check).toThrow(withCode("DATA_INVALID"));
    expect(check).toThrow(
      expect.objectContaining({
        code: "DATA_INVALID",
        context: expect.objectContaining({ row: 7, metric: "wer" }) as object,
        suggestions: expect.arrayContaining(["--metrics squadExactMatch,squadF1"]) as string[],
      }),
    );
  });
});
