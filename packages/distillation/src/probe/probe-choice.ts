/** Compares the students of a probe on the same dev rows, and chooses what to train with. */
import { createRandom } from "@slm/generation";
import {
  METRICS,
  metricDifference,
  metricInterval,
  type MetricInterval,
  type MetricName,
} from "@slm/metrics";
import { ARM_TITLES, type ArmName } from "./probe-arms.js";

/** The answers of one student, or of the teacher, to the dev rows. */
export interface ProbeAnswers {
  readonly name: ArmName;
  readonly fraction: number;
  readonly predictions: readonly string[];
  readonly seconds: number;
}

export interface ArmResult {
  readonly name: ArmName;
  /** Fraction of batches of teacher-labelled rows. */
  readonly fraction: number;
  readonly seconds: number;
  readonly metric: MetricInterval;
  /** Gain over labels alone on the same rows: positive is better, whatever the metric's direction. Absent for labels alone. */
  readonly gain?: MetricInterval | undefined;
}

export interface ProbeResult {
  readonly metric: MetricName;
  readonly rows: number;
  readonly steps: number;
  /** The teacher's own answers; absent for a teacher that cannot be asked here. */
  readonly teacher?: MetricInterval | undefined;
  readonly arms: readonly ArmResult[];
  readonly chosen: { readonly name: ArmName; readonly fraction: number };
  /** Why, in a sentence. */
  readonly reason: string;
}

export interface Comparison {
  readonly metric: MetricName;
  readonly references: readonly (readonly string[])[];
  readonly answers: readonly ProbeAnswers[];
  readonly teacher?: readonly string[] | undefined;
  readonly steps: number;
  readonly seed: number;
}

/**
 * Metrics with 95 % intervals, gains over labels alone from paired resamples of rows, and the choice: the arm of the largest gain
 * among those whose interval lies above zero; labels alone if there is none. A gain of a short training can be lost in a long one
 * when the student overtakes its teacher, so the reason says so where the teacher's answers are not clearly better.
 */
export function compareArms({ metric, references, answers, teacher, steps, seed }: Comparison): ProbeResult {
  const definition = METRICS[metric];
  const random = (): (() => number) => createRandom(seed).next;
  const labels = answers.find(({ name }) => name === "labels")!;
  const arms = answers.map(({ name, fraction, seconds, predictions }): ArmResult => {
    const own = metricInterval(definition, predictions, references, random());
    if (name === "labels") return { name, fraction, seconds, metric: own };
    const better = metricDifference(definition, [predictions, labels.predictions], references, random());
    return { name, fraction, seconds, metric: own, gain: signed(better, definition.higherIsBetter) };
  });
  const sure = arms.filter(({ gain }) => gain !== undefined && gain.low > 0);
  const best = sure.reduce<ArmResult | undefined>(
    (one, other) => (one === undefined || other.gain!.value > one.gain!.value ? other : one),
    undefined,
  );
  const ofTeacher = teacher && metricInterval(definition, teacher, references, random());
  const knowsMore =
    teacher === undefined
      ? undefined
      : signed(
          metricDifference(definition, [teacher, labels.predictions], references, random()),
          definition.higherIsBetter,
        ).low > 0;
  const { name, fraction } = best ?? labels;
  return {
    metric,
    rows: references.length,
    steps,
    teacher: ofTeacher,
    arms,
    chosen: { name, fraction },
    reason: reasonOf(best, knowsMore),
  };
}

function reasonOf(best: ArmResult | undefined, knowsMore: boolean | undefined): string {
  if (best === undefined)
    return "no arm is better than labels alone by more than these rows explain, so the student learns from labels alone";
  const chosen = `${ARM_TITLES[best.name]} are better than labels alone by more than these rows explain`;
  return knowsMore === false
    ? `${chosen}; but the teacher's own answers are not, so a longer training may overtake it: compare with labels alone at the end`
    : chosen;
}

/** A difference as a gain: positive is better. */
const signed = ({ value, low, high }: MetricInterval, higherIsBetter: boolean): MetricInterval =>
  higherIsBetter ? { value, low, high } : { value: 0 - value, low: 0 - high, high: 0 - low };
