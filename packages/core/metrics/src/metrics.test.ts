import { SlmError } from "@slm/error";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { METRIC_NAMES, METRICS, parseMetricNames } from "./metrics.js";

const text = fc
  .array(fc.constantFrom("A", "B", "C"), { minLength: 1, maxLength: 6 })
  .map((list) => list.join(" "));
const rows = fc.array(fc.tuple(text, fc.array(text, { minLength: 1, maxLength: 3 })), {
  minLength: 1,
  maxLength: 8,
});

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof SlmError) return error.code;
    throw error;
  }
  return "no error";
}

describe("METRICS", () => {
  test("a word is right if it equals any of its references", () => {
    const predictions = ["K AE T", "EY", "B AA", "D"];
    const references = [["K AE T"], ["AH", "EY"], ["B AO", "B AE"], ["D AA"]];
    expect(METRICS.wordError.compute(predictions, references)).toBe(0.5);
    expect(METRICS.exactMatch.compute(predictions, references)).toBe(0.5);
  });

  test("phoneme error sums edits over the summed lengths of the closest references", () => {
    // 1 edit of 3 against "K AE T"; 0 of 1 against "EY"; 2 of 4 (the closest of two): 3 edits of 8 phonemes.
    const predictions = ["K AH T", "EY", "S T"];
    const references = [["K AE T"], ["AH", "EY"], ["Z Z Z Z Z", "S T AA P"]];
    expect(METRICS.phonemeError.compute(predictions, references)).toBe(3 / 8);
  });

  test("of references equally close, the first listed gives the length", () => {
    expect(METRICS.phonemeError.compute(["A B"], [["A", "A B C"]])).toBe(1);
    expect(METRICS.phonemeError.compute(["A B"], [["A B C", "A"]])).toBe(1 / 3);
  });

  test("an empty prediction is all deletions", () => {
    expect(METRICS.phonemeError.compute([""], [["A B"]])).toBe(1);
    expect(METRICS.wordError.compute([""], [["A B"]])).toBe(1);
  });

  test("runs of whitespace do not count", () => {
    expect(METRICS.wordError.compute(["  K  AE\tT "], [["K AE T"]])).toBe(0);
  });

  test("references as predictions are perfect, and every metric knows which way is better", () => {
    fc.assert(
      fc.property(rows, (list) => {
        const references = list.map(([, texts]) => texts);
        const predictions = references.map((texts) => texts.at(-1)!);
        for (const name of METRIC_NAMES) {
          const { betterIs, compute } = METRICS[name];
          expect(compute(predictions, references)).toBe(betterIs === "lower" ? 0 : 1);
        }
      }),
    );
  });

  test("word error and exact match add up to one, and phoneme error is zero exactly where word error is", () => {
    fc.assert(
      fc.property(rows, (list) => {
        const predictions = list.map(([prediction]) => prediction);
        const references = list.map(([, texts]) => texts);
        const wordError = METRICS.wordError.compute(predictions, references);
        expect(wordError + METRICS.exactMatch.compute(predictions, references)).toBeCloseTo(1, 12);
        expect(METRICS.phonemeError.compute(predictions, references) === 0).toBe(wordError === 0);
      }),
    );
  });

  test.each(METRIC_NAMES)("%s refuses what cannot be measured", (name) => {
    const { compute } = METRICS[name];
    expect(codeOf(() => compute(["A"], []))).toBe("SHAPE_MISMATCH");
    expect(codeOf(() => compute([], []))).toBe("DATA_INVALID");
    expect(codeOf(() => compute(["A"], [[]]))).toBe("DATA_INVALID");
    expect(codeOf(() => compute(["A"], [["A", "  "]]))).toBe("DATA_INVALID");
  });
});

describe(parseMetricNames, () => {
  test("reads names between commas, each once, in the order given", () => {
    expect(parseMetricNames("phonemeError, wordError,phonemeError")).toEqual(["phonemeError", "wordError"]);
  });

  test.each(["", "wordError,", "word-error", "toString", "__proto__"])(
    "refuses %j and lists what it knows",
    (list) => {
      expect(codeOf(() => parseMetricNames(list))).toBe("USAGE");
      expect(() => parseMetricNames(list)).toThrow("wordError, phonemeError, exactMatch");
    },
  );
});
