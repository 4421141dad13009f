/** Models against a baseline. */
import type { ModelComparison, ModelFigures } from "./bench-result.js";

/** Every figure of the model over the same figure of the baseline: below 1 is less, medians where there are several. */
export function compareModels(model: ModelFigures, baseline: ModelFigures): ModelComparison {
  const ratio = (figure: (figures: ModelFigures) => number): number => figure(model) / figure(baseline);
  return {
    model: model.name,
    baseline: baseline.name,
    ratios: {
      parameters: ratio(({ parameters }) => parameters),
      bytes: ratio(({ bytes }) => bytes),
      loadMs: ratio(({ loadMs }) => loadMs),
      firstTokenMs: ratio(({ firstTokenMs }) => firstTokenMs.p50),
      tokensPerSecond: ratio(({ tokensPerSecond }) => tokensPerSecond.p50),
      wordsPerSecond:
        baseline.wordsPerSecond.p50 === 0 ? null : ratio(({ wordsPerSecond }) => wordsPerSecond.p50),
      totalMs: ratio(({ totalMs }) => totalMs.p50),
      peakRssBytes: ratio(({ peakRssBytes }) => peakRssBytes),
      flopsPerToken: ratio(({ flopsPerToken }) => flopsPerToken),
      flopsPerTokenWithSource: ratio((figures) => figures.flopsPerTokenWithSource),
    },
  };
}
