/** Notes about doubtful figures. */
import { deviceNotes } from "@slm/runtime";
import type { BenchDevice, ModelFigures } from "./bench-result.js";

/** Other processes that use more than this share of the cores disturb the measurement. */
const BUSY_SHARE = 0.25;

/** Linux's governor that keeps clocks low. Intel's own driver uses the name for its default, so the note says "may". */
const SAVING = "powersave";

/** Answers whose mean lengths differ by more than this are different work. */
const LENGTH_TOLERANCE = 0.05;

/** @param noiseLimit drift, spread and lost time above this are reported [fraction] */
export function noticeProblems(
  device: BenchDevice,
  models: readonly ModelFigures[],
  noiseLimit: number,
): readonly string[] {
  return [
    ...busyMachine(device),
    ...changedMachine(device, noiseLimit),
    ...drift(models, noiseLimit),
    ...wideSpread(models, noiseLimit),
    ...unequalWork(models),
    ...deviceNotes(device),
  ];
}

function busyMachine({ loadAverage, cores }: BenchDevice): readonly string[] {
  if (loadAverage <= BUSY_SHARE * cores) return [];
  return [
    `The machine was busy before the first run: load average ${loadAverage.toFixed(2)} on ${cores} cores. ` +
      "Latencies may be higher than on an idle machine.",
  ];
}

function changedMachine(
  { ratesDiffer, stolenShare, governor }: BenchDevice,
  limit: number,
): readonly string[] {
  return [
    ...(ratesDiffer > limit
      ? [
          `The machine's own rates before and after the models differ by ${percent(ratesDiffer)}: another program ran, or ` +
            "the clock changed.",
        ]
      : []),
    ...(stolenShare !== null && stolenShare > limit
      ? [`A hypervisor took ${percent(stolenShare)} of the CPUs' time while runs were measured.`]
      : []),
    ...(governor === SAVING ? ["The frequency governor is powersave: short runs may be slow."] : []),
  ];
}

function drift(models: readonly ModelFigures[], noiseLimit: number): readonly string[] {
  return models
    .filter(({ halvesDiffer }) => halvesDiffer > noiseLimit)
    .map(
      ({ name, halvesDiffer }) =>
        `${name}: the median times of the first and second half of the runs differ by ${percent(halvesDiffer)}, ` +
        `more than ${percent(noiseLimit)}. Differences between models below that mean nothing.`,
    );
}

function wideSpread(models: readonly ModelFigures[], limit: number): readonly string[] {
  return models
    .filter(({ spread }) => spread > limit)
    .map(
      ({ name, spread }) =>
        `${name}: the interquartile range of its time per step is ${percent(spread)} of the median, more than ` +
        `${percent(limit)}. More runs make the median more certain, but not the machine quieter.`,
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

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(0)} %`;
}
