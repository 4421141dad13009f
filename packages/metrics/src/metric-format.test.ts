import { describe, expect, test } from "vitest";
import { formatMetric } from "./metric-format.js";

describe(formatMetric, () => {
  test.each([
    ["wer", 0.48213, "48.2 %"],
    ["teacher.wer", 0.15625, "15.6 %"],
    ["squadF1", 1, "100 %"],
    ["per", 0.00123, "0.123 %"],
    ["bleu", 27.3412, "27.3"],
    ["chrf", 48.1, "48.1"],
    ["perplexity", 11.04, "11"],
    ["constructor", 0.5, "0.5"],
  ])("shows %s %d as %s", (name, value, text) => {
    expect(formatMetric(name, value)).toBe(text);
  });
});
