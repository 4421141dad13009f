/** Ranges of values by a calibration method. */
import type { Graph } from "@slm/onnx";
import { SlmError } from "@slm/core";
import { collectHistograms, collectRanges, type HistogramBins, type ValueRange } from "./collect.js";
import type { CollectOptions } from "./collector.js";
import type { Histogram } from "./histogram.js";
import { entropyRange, percentileRange, symmetricPercentileRange } from "./thresholds.js";

export interface CalibrationSettings {
  /** Default: `minmax`. */
  readonly method?: CalibrationMethod | undefined;
  /** percentile: share of numbers kept [percent]. Default 99.999. */
  readonly percentile?: number | undefined;
  /** percentile: cut both ends at the same distance from zero. Default false. */
  readonly symmetric?: boolean;
  /** Bins of the histogram. Default: as the method says. */
  readonly bins?: number;
}

export interface CalibrationOptions extends CalibrationSettings {
  readonly method: CalibrationMethod;
}

interface HistogramMethod {
  readonly bins: number;
  readonly choose: (histogram: Histogram, seen: ValueRange, options: CalibrationOptions) => ValueRange;
}

/** Codes of the distribution that `entropy` compares with. */
const LEVELS = 128;

/** Percentiles of onnxruntime's calibrator. */
const PERCENTILE = 99.999;

const largest = ({ low, high }: ValueRange): number => Math.max(Math.abs(low), Math.abs(high));

/**
 * One row per method that needs a histogram. `entropy` has more bins than onnxruntime's default of 128, which leaves one
 * candidate to choose from.
 */
const HISTOGRAMS: Readonly<Record<Exclude<CalibrationMethod, "minmax">, HistogramMethod>> = {
  percentile: {
    bins: 2048,
    choose: (histogram, seen, { percentile = PERCENTILE, symmetric = false }) =>
      (symmetric ? symmetricPercentileRange : percentileRange)(histogram, percentile, seen),
  },
  entropy: {
    bins: 1024,
    choose: (histogram, seen) => entropyRange(histogram, LEVELS, seen),
  },
};

export const CALIBRATION_METHODS = ["minmax", "percentile", "entropy"] as const;
export type CalibrationMethod = (typeof CALIBRATION_METHODS)[number];

/**
 * The range of each value. `minmax` reads the data once; the others twice: for the ranges, then for histograms over
 * them. So memory is constant, and the bins are the same as with all data in memory.
 *
 * @throws SlmError DATA_INVALID without data or for values that are not finite; CONFIG_INVALID for options out of range
 */
export async function calibrateRanges(
  graph: Graph,
  values: Iterable<string>,
  options: CalibrationOptions & CollectOptions,
): Promise<ReadonlyMap<string, ValueRange>> {
  const { method, percentile = PERCENTILE } = options;
  if (!(percentile > 0 && percentile <= 100)) {
    throw new SlmError(
      "CONFIG_INVALID",
      `quantize: percentile must be above 0 and at most 100, got ${percentile}`,
    );
  }
  const ranges = await collectRanges(graph, values, options);
  if (method === "minmax") return ranges;
  const { bins, choose } = HISTOGRAMS[method];
  const isAbsolute = method === "percentile" && options.symmetric === true;
  const binsOf = (seen: ValueRange): HistogramBins => {
    const high = largest(seen);
    return { low: isAbsolute ? 0 : -high, high, bins: options.bins ?? bins, isAbsolute };
  };
  const places = new Map([...ranges].map(([value, seen]) => [value, binsOf(seen)]));
  const histograms = await collectHistograms(graph, places, options);
  return new Map([...ranges].map(([value, seen]) => [value, choose(histograms.get(value)!, seen, options)]));
}
