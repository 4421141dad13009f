/** Reasons to read figures with care, found in the figures themselves. */
import type { BenchDevice, ModelFigures } from "./bench-result.js";

/** Other processes busy on more than this share of the cores disturb what is measured. */
const BUSY_SHARE = 0.25;

/** Answers whose mean lengths differ by more than this are not equal work. */
const LENGTH_TOLERANCE = 0.05;

/** @param noiseLimit difference between the halves of the runs from which it is called noise [fraction] */
export function noticeProblems(
  device: BenchDevice,
  models: readonly ModelFigures[],
  noiseLimit: number,
): readonly string[] {
  return [
    ...busyMachine(device),
    ...drift(models, noiseLimit),
    ...unequalWork(models),
    ...simulation(device),
  ];
}

function busyMachine({ loadAverage, cores }: BenchDevice): readonly string[] {
  if (loadAverage <= BUSY_SHARE * cores) return [];
  return [
    `The machine was busy before the first run: load average ${loadAverage.toFixed(2)} on ${cores} cores. ` +
      "Latencies may be higher than on an idle machine.",
  ];
}

function drift(models: readonly ModelFigures[], noiseLimit: number): readonly string[] {
  return models
    .filter(({ halvesDiffer }) => halvesDiffer > noiseLimit)
    .map(
      ({ name, halvesDiffer }) =>
        `${name}: the median time of the first and second half of the runs differ by ${percent(halvesDiffer)}, ` +
        `more than ${percent(noiseLimit)}. Smaller differences between models mean nothing here.`,
    );
}

function unequalWork(models: readonly ModelFigures[]): readonly string[] {
  const lengths = models.map(({ generatedTokens }) => generatedTokens);
  const [shortest, longest] = [Math.min(...lengths), Math.max(...lengths)];
  if (longest <= shortest * (1 + LENGTH_TOLERANCE)) return [];
  return [
    `Mean answers are ${shortest.toFixed(1)} to ${longest.toFixed(1)} tokens long, so total times compare unequal work; ` +
      "set forceTokens for equal work.",
  ];
}

function simulation({ simulated, provider }: BenchDevice): readonly string[] {
  return simulated ? [`${provider} was simulated: no figure here is of that device.`] : [];
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(0)} %`;
}
