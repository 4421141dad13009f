import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import type { BenchResult, ModelFigures } from "./bench-result.js";
import { RESULT, STUDENT } from "../reports/figures.test-support.js";
import { compareResults, regressionLines } from "./regression.js";

const only = (change: Partial<ModelFigures>): BenchResult => ({
  ...RESULT,
  models: [{ ...STUDENT, ...change }],
});

/** A median of a latency with an interval of 1 % around it. */
function latencyOf(p50: number): ModelFigures["firstTokenMs"] {
  return { ...STUDENT.firstTokenMs, p50, interval: { low: 0.99 * p50, high: 1.01 * p50, coverage: 0.96 } };
}

describe(compareResults, () => {
  test("finds nothing worse in the same benchmark", () => {
    const { changes, notes } = compareResults(RESULT, RESULT, 0);
    expect(changes).toHaveLength(14);
    expect(changes.filter(({ regressed, worseBy }) => regressed || worseBy !== 0)).toEqual([]);
    expect(notes).toEqual([]);
  });

  test.each([
    [
      "a latency that grew",
      { firstTokenMs: latencyOf(1.5) },
      { firstTokenMs: latencyOf(1.8) },
      "firstTokenMs",
      0.2,
    ],
    [
      "a rate that fell",
      {},
      {
        tokensPerSecond: {
          ...STUDENT.tokensPerSecond,
          p50: 600,
          interval: { low: 590, high: 610, coverage: 0.96 },
        },
      },
      "tokensPerSecond",
      0.5,
    ],
    ["a larger file", {}, { bytes: 2_200_000 }, "bytes", 0.1],
  ])("names %s, by how much, and that it is beyond the noise", (_, before, now, figure, worseBy) => {
    const regression = compareResults(only(now), only(before), 0.05);
    const regressed = regression.changes.filter((change) => change.regressed);
    expect(regressed).toMatchObject([{ model: "student", figure, beyondNoise: true }]);
    expect(regressed[0]!.worseBy).toBeCloseTo(worseBy);
    expect(regressionLines(regression)).toEqual([expect.stringContaining("beyond the noise")]);
  });

  test("says that a change is within the noise, or that there were too few runs to say", () => {
    const now = only({ totalMs: { ...STUDENT.totalMs, p50: 8.6 }, peakRssBytes: 140_000_000 });
    const regression = compareResults(now, RESULT, 0.05);
    const found = regression.changes.filter(({ regressed }) => regressed);
    expect(found.map(({ figure, beyondNoise }) => [figure, beyondNoise])).toEqual([
      ["totalMs", false],
      ["peakRssBytes", null],
    ]);
    expect(regressionLines(regression).join()).toMatch(/within the noise.*too few runs to say/);
  });

  test("passes allowed changes and improvements", () => {
    const now = only({ firstTokenMs: latencyOf(1.57), bytes: 1000 });
    expect(compareResults(now, RESULT, 0.05).changes.filter(({ regressed }) => regressed)).toEqual([]);
  });

  test("notes another machine and other work", () => {
    const device = { ...RESULT.device, cpu: "Other CPU", threads: 1 };
    const { notes } = compareResults({ ...only({ generatedTokens: 9 }), device }, RESULT, 0.05);
    expect(notes.join()).toMatch(
      /cpu Example CPU, now Other CPU; threads 2, now 1.*9\.0 tokens in, 7\.0 out, 1 at once before/,
    );
  });

  test("rejects benchmarks without a common model", () => {
    expect(() => compareResults(only({ name: "new" }), RESULT, 0.05)).toThrow(withCode("DATA_INVALID"));
  });
});
