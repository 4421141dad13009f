import { withCode } from "@slm/core/testing";
import { answerOf } from "./scores/token-metrics.js";
import { SlmError } from "@slm/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { METRIC_NAMES, METRICS, isPerfectValue, isWorstValue } from "./metrics.js";
import type { MetricName } from "./metric-table.js";

const text = fc
  .array(fc.constantFrom("A", "B", "C"), { minLength: 1, maxLength: 6 })
  .map((list) => list.join(" "));
const rows = fc.array(fc.tuple(text, fc.array(text, { minLength: 1, maxLength: 3 })), {
  minLength: 1,
  maxLength: 8,
});

/** Texts of two tokens and more, none of them an article: enough for every metric but BLEU. */
const pairText = fc
  .array(fc.constantFrom("K", "AE", "T"), { minLength: 2, maxLength: 6 })
  .map((list) => list.join(" "));
const pairRows = fc.array(fc.tuple(pairText, fc.array(pairText, { minLength: 1, maxLength: 3 })), {
  minLength: 1,
  maxLength: 8,
});

/** JSON objects with an intent, as predictions sometimes cut short. */
const answer = fc
  .record({ intent: fc.constantFrom("go", "stop"), slots: fc.jsonValue({ maxDepth: 2 }) })
  .map((value) => JSON.stringify(value));
const answerRows = fc.array(
  fc.tuple(
    fc.oneof(
      answer,
      answer.map((json) => json.slice(1)),
    ),
    fc.array(answer, { minLength: 1, maxLength: 3 }),
  ),
  { minLength: 1, maxLength: 8 },
);

/** Whatever a model might write: signs of JSON, blanks of all kinds, other scripts, half of a surrogate pair. */
const wildText = fc.string({
  unit: fc.constantFrom(
    "K",
    "7",
    " ",
    ".",
    ",",
    "-",
    "&",
    "'",
    '"',
    "{",
    "}",
    "[",
    "]",
    ":",
    "null",
    "\n",
    "\t",
    "\u00a0",
    "\u0085",
    "\ufeff",
    "\u0301",
    "\u00e9",
    "\u6771",
    "\u{1f600}",
    "\ud800",
  ),
  maxLength: 12,
});

/** Sixteen metrics share the time of one file. */
const FEW = { numRuns: 25 } as const;

function isJsonMetric(name: MetricName): boolean {
  return name === "jsonExactMatch" || name === "slotF1" || name === "intentAccuracy";
}

function columnsOf(list: readonly (readonly [string, readonly string[]])[]): {
  readonly predictions: readonly string[];
  readonly references: readonly (readonly string[])[];
} {
  return {
    predictions: list.map(([prediction]) => prediction),
    references: list.map(([, references]) => references),
  };
}

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
  test("an answer behind its working is right whatever the working says; without working the whole is the answer", () => {
    const right = (prediction: string, ...references: string[]): boolean =>
      METRICS.answerMatch.rowScore(prediction, references) === 1;
    // As in GSM8K: "... #### 72".
    expect(right("48 + 24 = 72 #### 72", "48 / 2 = 24 and 48 + 24 = 72 #### 72")).toBe(true);
    expect(right("48 + 24 = 72 #### 70", "48 / 2 = 24 and 48 + 24 = 72 #### 72")).toBe(false);
    expect(right("#### 70 no #### 72", "#### 72")).toBe(true);
    expect(right("72", "48 / 2 = 24 and 48 + 24 = 72 #### 72")).toBe(false);
    expect(right("a #### 72", "72", "b #### 72")).toBe(true);
    expect(right("a #### 72", "72")).toBe(false);
    expect(right(" 72 ", "72")).toBe(true);
    expect([answerOf("48 + 24 = 72 #### 72"), answerOf("#### 1 ####"), answerOf("72")]).toEqual([
      "72",
      "",
      undefined,
    ]);
  });

  test("phoneme error rate sums edits over the summed lengths of the closest references", () => {
    // 1 edit of 3 against "K AE T"; 0 of 1 against "EY"; 2 of 4 (the closest of two): 3 edits of 8 phonemes.
    const predictions = ["K AH T", "EY", "S T"];
    const references = [["K AE T"], ["AH", "EY"], ["Z Z Z Z Z", "S T AA P"]];
    expect(METRICS.per.compute(predictions, references)).toBe(3 / 8);
  });

  test("the first of equally close references sets the length", () => {
    expect(METRICS.per.compute(["A B"], [["A", "A B C"]])).toBe(1);
    expect(METRICS.per.compute(["A B"], [["A B C", "A"]])).toBe(1 / 3);
  });

  test("runs of whitespace do not count", () => {
    expect(METRICS.wer.compute(["  K  AE\tT "], [["K AE T"]])).toBe(0);
  });

  test("characters are code points: an emoji is one, an accent on its own another", () => {
    expect(METRICS.cer.compute(["caf\u00e9"], [["cafe\u0301"]])).toBe(2 / 5);
    expect(METRICS.cer.compute(["\u{1f600}"], [["\u{1f601}"]])).toBe(1);
    expect(METRICS.cer.compute([" a  b "], [["a b"]])).toBe(1 / 3);
  });

  test("word error rate and exact match add up to one, and phoneme error rate is zero exactly where word error rate is", () => {
    fc.assert(
      fc.property(rows, (list) => {
        const { predictions, references } = columnsOf(list);
        const wer = METRICS.wer.compute(predictions, references);
        expect(wer + METRICS.exactMatch.compute(predictions, references)).toBeCloseTo(1, 12);
        expect(METRICS.per.compute(predictions, references) === 0).toBe(wer === 0);
      }),
    );
  });
});

describe.each(METRIC_NAMES)("METRICS.%s", (name) => {
  const { higherIsBetter, unit, compute, rowScore } = METRICS[name];
  const best = !higherIsBetter ? 0 : unit === "points" ? 100 : 1;
  const data = isJsonMetric(name) ? answerRows : pairRows;

  test("is perfect when every prediction is a reference", () => {
    fc.assert(
      fc.property(data, (list) => {
        const { references } = columnsOf(list);
        // BLEU is 0 if no prediction has four tokens, so one row does.
        const long = isJsonMetric(name) ? [] : [["A B C D E"]];
        const all = [...references, ...long];
        expect(
          compute(
            all.map((texts) => texts.at(-1)!),
            all,
          ),
        ).toBeCloseTo(best, 9);
      }),
      FEW,
    );
  });

  test("is a number in range whatever the predictions are", () => {
    fc.assert(
      fc.property(data, fc.array(wildText, { minLength: 8, maxLength: 8 }), (list, wild) => {
        const { predictions, references } = columnsOf(list);
        const mixed = predictions.map((prediction, index) => (index % 2 === 0 ? wild[index]! : prediction));
        const rowScores = mixed.map((text, row) => rowScore(text, references[row]!));
        for (const score of [compute(mixed, references), ...rowScores]) {
          expect(score).toBeGreaterThanOrEqual(0);
          if (higherIsBetter) expect(score).toBeLessThanOrEqual(best + 1e-9);
          expect(score).toBeLessThan(Infinity);
        }
      }),
      FEW,
    );
  });

  test("does not depend on the order of rows", () => {
    fc.assert(
      fc.property(data, (list) => {
        const { predictions, references } = columnsOf(list);
        const backwards = compute(predictions.toReversed(), references.toReversed());
        expect(backwards).toBeCloseTo(compute(predictions, references), 9);
      }),
      FEW,
    );
  });

  test("scores empty predictions worst", () => {
    const reference = isJsonMetric(name) ? '{"intent":"go"}' : "A B C D E";
    expect(compute(["", ""], [[reference], [reference]])).toBe(!higherIsBetter ? 1 : 0);
    expect(isWorstValue(name, compute([""], [[reference]]))).toBe(true);
    expect(isWorstValue(name, best)).toBe(false);
    expect(isPerfectValue(name, best)).toBe(true);
    expect(isPerfectValue(name, compute([""], [[reference]]))).toBe(false);
    expect(rowScore("", [reference])).toBe(!higherIsBetter ? 1 : 0);
  });

  test("rejects columns of different lengths and no rows", () => {
    expect(codeOf(() => compute(["A"], []))).toBe("SHAPE_MISMATCH");
    expect(codeOf(() => compute([], []))).toBe("DATA_INVALID");
  });
});

/** SQuAD alone knows questions without an answer. */
const NEED_REFERENCES = METRIC_NAMES.filter((name) => !name.startsWith("squad"));

test.each(NEED_REFERENCES)(
  "METRICS.%s rejects a row without a reference it can use, by its number",
  (name) => {
    const { compute, rowScore } = METRICS[name];
    const good = isJsonMetric(name) ? '{"intent":"go"}' : "A";
    expect(codeOf(() => compute(["A"], [[]]))).toBe("DATA_INVALID");
    expect(codeOf(() => rowScore("A", []))).toBe("DATA_INVALID");
    expect(codeOf(() => compute(["A", "A"], [[good], [good, "  "]]))).toBe("DATA_INVALID");
    expect(() => compute(["A", "A"], [[good], [good, "  "]])).toThrow(withCode("DATA_INVALID"));
  },
);
