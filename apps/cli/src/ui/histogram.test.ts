import { describe, expect, test } from "vitest";
import { histogramLines } from "./histogram.js";

describe(histogramLines, () => {
  test("starts with the first bin that is not empty, and gives the fullest bin the longest bar", () => {
    const bins = [
      { from: 0, to: 0, count: 0 },
      { from: 1, to: 1, count: 1 },
      { from: 2, to: 3, count: 0 },
      { from: 4, to: 7, count: 400 },
    ];
    expect(histogramLines(bins)).toEqual(["    1    1  #", "  2-3    0", `  4-7  400  ${"#".repeat(40)}`]);
  });

  test("shows nothing without data", () => {
    expect(histogramLines([])).toEqual([]);
    expect(histogramLines([{ from: 0, to: 0, count: 0 }])).toEqual([]);
  });
});
