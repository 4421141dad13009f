/** The result of a probe as lines of text. */
import { METRICS, type MetricInterval } from "@slm/metrics";
import { ARM_TITLES } from "./probe-arms.js";
import type { ArmResult, ProbeResult } from "./probe-choice.js";

/**
 * One line per student, the teacher's, and the conclusion.
 *
 * @example "probe: labels and teacher labels (0.5 of the batches)  jsonExactMatch 0.412 (0.351 to 0.470)  gain +0.072 (0.031 to 0.113)"
 */
export function probeLines({
  metric,
  rows,
  steps,
  teacher,
  arms,
  chosen,
  reason,
}: ProbeResult): readonly string[] {
  const { higherIsBetter } = METRICS[metric];
  const titleOf = ({ name, fraction }: Pick<ArmResult, "name" | "fraction">): string =>
    fraction > 0 ? `${ARM_TITLES[name]} (${fraction} of the batches)` : ARM_TITLES[name];
  return [
    `probe: ${rows} dev rows, students of ${steps} steps, 95 % intervals; ${metric}, ${higherIsBetter ? "higher" : "lower"} is better`,
    ...arms.map((arm) => {
      const gain = arm.gain === undefined ? "" : `  gain ${shown(arm.gain, true)}`;
      return `probe: ${titleOf(arm)}  ${metric} ${shown(arm.metric)}${gain}  ${Math.round(arm.seconds)} s`;
    }),
    ...(teacher === undefined ? [] : [`probe: the teacher itself  ${metric} ${shown(teacher)}`]),
    `probe: ${titleOf(chosen)}: ${reason}`,
  ];
}

function shown({ value, low, high }: MetricInterval, isSigned = false): string {
  const sign = isSigned && value > 0 ? "+" : "";
  return `${sign}${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
}
