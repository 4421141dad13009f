/**
 * The factor of the teacher's terms at each step: by a schedule, or by how far the student has come to the teacher on the dev split.
 * It is a pure function of the step and of the last dev metrics, which the state of a run holds, so a resumed run has the same.
 */
import { METRICS, type MetricName } from "@slm/metrics";
import type { DevMetric } from "@slm/training";
import type { DistillConfig } from "./distill-config.js";
import { shareAt } from "./target-schedule.js";

/** Between 0 and 1. @param metrics the dev metrics measured last; none before the first measurement */
export type TeacherFactor = (step: number, metrics: Readonly<Record<string, number>>) => number;

/** Whether the factor needs the teacher's metric on the dev split. */
export const followsDev = ({ loss: { teacherFactor } }: Pick<DistillConfig, "loss">): boolean =>
  teacherFactor !== undefined && "follow" in teacherFactor;

/** The factor of these settings; undefined if they have none. Steps count from 1. */
export function teacherFactorOf({ loss, steps, metrics }: DistillConfig): TeacherFactor | undefined {
  const { teacherFactor } = loss;
  if (teacherFactor === undefined) return undefined;
  if ("follow" in teacherFactor) return followingFactor(metrics[0], teacherFactor.margin);
  return (step) => shareAt(teacherFactor, (step - 1) / Math.max(1, steps - 1));
}

/** Name of the teacher's metric among the student's. */
const ofTeacher = (name: string): string => `teacher.${name}`;

/**
 * With r the student's error over the teacher's: 1 for r >= 1 + margin, 0 for r <= 1 - margin, linear between; so 1/2 where both are
 * equally good. Error: the metric where lower is better, else its distance from a perfect score. 1 before the first measurement, and
 * for a teacher without errors.
 *
 * Measured by metric rather than by loss, because the metric chooses the checkpoint, and a teacher that is overconfident has a high loss
 * and may still write better answers than the student.
 */
function followingFactor(name: MetricName, margin: number): TeacherFactor {
  const { higherIsBetter, unit } = METRICS[name];
  const perfect = unit === "points" ? 100 : 1;
  const errorOf = (value: number): number => (higherIsBetter ? perfect - value : value);
  return (_step, metrics) => {
    const [student, teacher] = [metrics[name], metrics[ofTeacher(name)]];
    if (student === undefined || teacher === undefined || errorOf(teacher) <= 0) return 1;
    const ratio = errorOf(student) / errorOf(teacher);
    return Math.min(1, Math.max(0, (ratio - 1 + margin) / (2 * margin)));
  };
}

/** A dev metric that repeats the teacher's value beside the student's, for the factor, the log and the report. */
export const besideTeacher = (dev: DevMetric, value: number): DevMetric => ({
  ...dev,
  measure: async (live) => ({ ...(await dev.measure(live)), [ofTeacher(dev.ranking[0].name)]: value }),
});
