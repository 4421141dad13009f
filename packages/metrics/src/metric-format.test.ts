import { METRIC_NAMES, METRICS } from "./metrics.js";
import { describe, expect, test } from "vitest";
import { formatMetric, METRIC_UNITS } from "./metric-format.js";

describe("the units of printed values", () => {
  test("are the units of the metrics", () => {
    const units = Object.fromEntries(METRIC_NAMES.map((name) => [name, METRICS[name].unit]));
    expect(METRIC_UNITS).toEqual({ ...units, perplexity: "none" });
  });
});

describe(formatMetric, () => {
  test.each([
    ["wer", 0.48213, "48.2 %"],
    ["teacher.wer", 0.15625, "15.6 %"],
    ["squadF1", 1, "100 %"],
    ["per", 0.00123, "0.123 %"],
    ["bleu", 27.3412, "27.3"],
    ["perplexity", 11.04, "11"],
    ["constructor", 0.5, "0.5"],
  ])("shows %s %d as %s", (name, value, text) => {
    expect(formatMetric(name, value)).toBe(text);
  });
});
