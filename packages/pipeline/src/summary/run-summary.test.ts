import type { BenchResult } from "@slm/bench";
import { BASELINE_NAME } from "@slm/onnx-export";
import { expect, test } from "vitest";
import { baselineOf } from "./run-summary.js";

type Comparison = BenchResult["comparisons"][number];

const comparison = (model: string, baseline: string, ratio: number): Comparison => ({
  model,
  baseline,
  ratios: {
    parameters: 1,
    bytes: 1,
    loadMs: 1,
    interTokenMs: 1,
    wordsPerSecond: null,
    totalMs: 1,
    peakRssBytes: 1,
    flopsPerToken: 1,
    flopsPerTokenWithSource: 1,
    bytesPerToken: 1,
    firstTokenMs: ratio,
    tokensPerSecond: 2 * ratio,
  },
  intervals: { firstTokenMs: null, tokensPerSecond: null, totalMs: null },
});

test("the baseline of a student is the decoder-only model, not the student on its other engine", () => {
  const own = comparison("student", "student, onnxruntime", 1.1);
  const other = comparison("student", BASELINE_NAME, 0.9);
  expect(baselineOf({ comparisons: [own, other] }, true)).toEqual({
    firstTokenMs: 0.9,
    tokensPerSecond: 1.8,
    totalMs: 1,
  });
  expect(baselineOf({ comparisons: [own] }, true)).toBeNull();
  expect(baselineOf({ comparisons: [own, other] }, false)).toBeNull();
});
