import { describe, expect, test } from "vitest";
import type { RunSummary, SummarizedModel } from "./run-summary.js";
import { comparedWith, summaryLines } from "./summary-lines.js";
import { headlineOf, verdictOf } from "./summary-page.js";

const measured = (role: SummarizedModel["role"], scheme: string, bytes: number): SummarizedModel => ({
  role,
  scheme,
  bytes,
  metrics: {
    squadExactMatch: { value: 0.32812, low: 0.31934, high: 0.33716 },
    wer: { value: 0.00123, low: 0.00101, high: 0.00234 },
  },
  firstTokenMs: { value: 11.23, low: 10.57, high: 118.5 },
  tokensPerSecond: { value: 10_254, low: 10_122, high: 11_551 },
});

/** Long names and wide numbers. */
const SUMMARY: RunSummary = {
  metric: "squadExactMatch",
  limit: 0.31,
  models: [
    measured("deployed", "int8-dynamic", 634_800_000),
    measured("float32", "float32", 2_539_200_000),
    measured("other scheme", "int4-block", 500_000),
  ],
  heldOut: { split: "test", rows: 12_359 },
  student: { parameters: 634_800, devMetrics: { squadExactMatch: 0.33, wer: 0.00123 } },
  teacher: { parameters: 1_800_000, devMetrics: { squadExactMatch: 0.352 } },
  training: { labelled: 116_383, byTeacher: 1_200_000 },
  device: { name: "Intel(R) Xeon(R) Platinum 8488C CPU @ 2.40GHz", threads: 2, simulated: true },
  baseline: { firstTokenMs: 1.61, tokensPerSecond: 1.72, totalMs: 0.8 },
  bundleBytes: 635_000_000,
  warnings: [
    "distill: the loss rose from 2.1 to 4.9 at step 120, more than twice its first value; lower learningRate",
  ],
};

describe(summaryLines, () => {
  test("fit a terminal of 80 columns", () => {
    const lines = summaryLines(SUMMARY);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.join("\n")).toContain("32.8 % (31.9 to 33.7 %)");
  });

  test("say in words how the speed compares with a decoder-only model", () => {
    const text = summaryLines(SUMMARY).join(" ").replaceAll(/ +/gu, " ");
    expect(text).toContain(
      "equal size: 61 % slower to the first token, 25 % faster for a whole answer, 72 % faster in tokens/s",
    );
  });
});

describe(verdictOf, () => {
  test("says how good the deployed model is, and what the gate needed", () => {
    expect(verdictOf(SUMMARY)).toBe(
      "On 12,359 test rows, the deployed model has squadExactMatch 32.8 % (95 % confidence interval: 31.9 to 33.7 %). " +
        "It passed the gate, which needs at least 31 %. Before quantization: 32.8 %. The teacher on the dev rows: 35.2 %.",
    );
    expect(verdictOf({ ...SUMMARY, models: [] })).toBeUndefined();
  });
});

describe(headlineOf, () => {
  test("begins with the metric of the gate and its interval", () => {
    expect(headlineOf(SUMMARY)[0]).toEqual({
      label: "squadExactMatch, 12,359 test rows",
      value: "32.8 %",
      note: "95 %: 31.9 to 33.7 %",
    });
  });
});

test.each([
  [1 / 1.16, "16 % slower"],
  [1 / 1.004, "as fast"],
  [1.61, "61 % faster"],
  [2.4, "2.4 times as fast"],
  [0.4, "2.5 times as slow"],
])("a speed of %d times another one is %j", (ratio, text) => {
  expect(comparedWith(ratio)).toBe(text);
});
