import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StreamingHistogram, histogramEdges, type Histogram } from "./histogram.js";
import { entropyRange, percentileRange, symmetricPercentileRange } from "./thresholds.js";

const finite = fc.float({ min: -100, max: 100, noNaN: true });

describe(StreamingHistogram, () => {
  test("counts a stream as it counts everything at once, each number in the bin whose edges hold it", () => {
    fc.assert(
      fc.property(
        fc.array(finite, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 40 }),
        (numbers, bins) => {
          const values = Float32Array.from(numbers);
          const most = values.reduce((size, value) => Math.max(size, Math.abs(value)), 0);
          const edges = histogramEdges(-most, most, bins);
          const streamed = new StreamingHistogram(edges);
          for (const value of values) streamed.add(Float32Array.of(value));
          const expected = new Float64Array(bins);
          for (const value of values) {
            const found = edges.findLastIndex((edge) => edge <= value);
            expected[Math.min(bins - 1, found)]! += 1;
          }
          expect(streamed.counts).toEqual(expected);
        },
      ),
    );
  });

  test("counts magnitudes where asked, and leaves out what is outside or no number", () => {
    const histogram = new StreamingHistogram(histogramEdges(0, 2, 2), true);
    histogram.add(Float32Array.of(-0.5, 0.5, -2, 3, Number.NaN));
    expect([...histogram.counts]).toEqual([2, 1]);
  });

  test("edges ascend where a step is too small for float32", () => {
    const smallest = 2 ** -149;
    const edges = histogramEdges(-3 * smallest, 3 * smallest, 8);
    expect([...edges]).toEqual([...edges].toSorted((a, b) => a - b));
    expect(edges[8]).toBe(3 * smallest);
  });

  test("a range of one number is widened by a half to both sides", () => {
    expect([...histogramEdges(0, 0, 2)]).toEqual([-0.5, 0, 0.5]);
  });
});

/** A triangle of 200 numbers over [-8, 8] in 16 bins, with a far tail. */
const COUNTS = [1, 0, 0, 1, 6, 12, 20, 40, 44, 36, 20, 10, 8, 1, 0, 1];
const histogramOf = (counts: readonly number[], most: number): Histogram => ({
  counts: Float64Array.from(counts),
  edges: histogramEdges(-most, most, counts.length),
});
const ALL = { low: -8, high: 8 };

describe(percentileRange, () => {
  test("cuts half of the rest off either end", () => {
    // 200 numbers; 2 percent are 4, two at either end: bins up to -4 hold two, the last three hold two.
    expect(percentileRange(histogramOf(COUNTS, 8), 98, ALL)).toEqual({ low: -5, high: 4 });
    expect(percentileRange(histogramOf(COUNTS, 8), 100, ALL)).toEqual({ low: -8, high: 7 });
  });

  test("never exceeds what was seen", () => {
    expect(percentileRange(histogramOf(COUNTS, 8), 100, { low: -1, high: 2 })).toEqual({ low: -1, high: 2 });
  });

  test("of magnitudes is symmetric", () => {
    const histogram = { counts: Float64Array.of(50, 30, 19, 1), edges: histogramEdges(0, 4, 4) };
    expect(symmetricPercentileRange(histogram, 99, ALL)).toEqual({ low: -2, high: 2 });
  });
});

/** Two-sided exponential with a stray number, a bell with strays at the ends, a block on a floor, and a lone peak. */
const EXPONENTIAL = Array.from({ length: 48 }, (_, at) =>
  at === 2 ? 1 : Math.floor(4000 * Math.exp(-Math.abs(at - 23.5) / 3)),
);
const BELL = Array.from({ length: 32 }, (_, at) =>
  at === 0 ? 3 : at === 31 ? 2 : Math.floor(1000 * Math.exp(-(((at - 15.5) / 4) ** 2) / 2)),
);
const BLOCK = Array.from({ length: 48 }, (_, at) => (at >= 16 && at < 32 ? 50 : 5));
const PEAK = Array.from({ length: 40 }, (_, at) =>
  at >= 20 && at < 28 ? [900, 1200, 400, 80, 20, 5, 2, 1][at - 20]! : at === 35 || at === 39 ? 1 : 0,
);

const ENTROPY = [
  [COUNTS, 4, { low: -6, high: 7 }],
  [COUNTS, 8, { low: -8, high: 8 }],
  [BELL, 8, { low: -12, high: 13 }],
  [BELL, 16, { low: -16, high: 16 }],
  [EXPONENTIAL, 8, { low: -22, high: 23 }],
  [EXPONENTIAL, 16, { low: -24, high: 24 }],
  [BLOCK, 8, { low: -24, high: 24 }],
  [PEAK, 8, { low: -8, high: 9 }],
] as const;

describe(entropyRange, () => {
  test("with as many levels as bins has one candidate: all of it", () => {
    expect(entropyRange(histogramOf(COUNTS, 8), 16, ALL)).toEqual({ low: -8, high: 8 });
  });

  // The expected ranges come from onnxruntime 1.32's HistogramCollector.get_entropy_threshold on these counts.
  test.each(ENTROPY)("equals onnxruntime's algorithm on fixed histograms, %#", (counts, levels, range) => {
    const most = counts.length / 2;
    expect(entropyRange(histogramOf(counts, most), levels, { low: -most, high: most })).toEqual(range);
  });
});
