/** Compares models with a baseline. */
import type { ModelComparison, ModelFigures } from "./bench-result.js";
import { ratioInterval, type Interval } from "../statistics/interval.js";
import { decodeRate } from "./summarize.js";

/**
 * Every figure of the model divided by the baseline's; medians of repeated values. Run i of both was in round i, so runs are
 * compared in pairs.
 */
export function compareModels(model: ModelFigures, baseline: ModelFigures, seed: number): ModelComparison {
  const interval = (
    figures: (sample: ModelFigures["samples"][number]) => readonly number[],
  ): Interval | null => {
    const pairs = model.samples.flatMap((sample, run) => {
      const [[own], [other]] = [figures(sample), figures(baseline.samples[run]!)];
      return own === undefined || other === undefined ? [] : [[own, other] as const];
    });
    return pairs.length === 0 ? null : ratioInterval(pairs, seed);
  };
  const ratio = (figure: (figures: ModelFigures) => number): number => figure(model) / figure(baseline);
  return {
    model: model.name,
    baseline: baseline.name,
    ratios: {
      parameters: ratio(({ parameters }) => parameters),
      bytes: ratio(({ bytes }) => bytes),
      loadMs: ratio(({ loadMs }) => loadMs),
      firstTokenMs: ratio(({ firstTokenMs }) => firstTokenMs.p50),
      interTokenMs: ratio(({ interTokenMs }) => interTokenMs.p50),
      tokensPerSecond: ratio(({ tokensPerSecond }) => tokensPerSecond.p50),
      wordsPerSecond:
        baseline.wordsPerSecond.p50 === 0 ? null : ratio(({ wordsPerSecond }) => wordsPerSecond.p50),
      totalMs: ratio(({ totalMs }) => totalMs.p50),
      peakRssBytes: ratio(({ peakRssBytes }) => peakRssBytes),
      flopsPerToken: ratio(({ flopsPerToken }) => flopsPerToken),
      flopsPerTokenWithSource: ratio((figures) => figures.flopsPerTokenWithSource),
      bytesPerToken: ratio(({ bytesPerToken }) => bytesPerToken),
    },
    intervals: {
      firstTokenMs: interval(({ firstTokenMs }) => [firstTokenMs]),
      tokensPerSecond: interval(decodeRate),
      totalMs: interval(({ totalMs }) => [totalMs]),
    },
  };
}
