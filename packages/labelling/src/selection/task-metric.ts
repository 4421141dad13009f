/** A task metric as a comparison of two answers: whether they are equal, and how useful one is if the other is right. */
import { SlmError } from "@slm/core";
import { METRICS, type Metric, type MetricName } from "@slm/metrics";

export interface TaskMetric {
  /** Whether the metric can use a text as a reference: `jsonExactMatch`, for example, only valid JSON. */
  readonly accepts: (text: string) => boolean;
  /** Whether the metric calls two texts that it accepts the same answer. */
  readonly equal: (a: string, b: string) => boolean;
  /** The metric of an answer where these texts are right; higher is better for every metric. */
  readonly utility: (answer: string, references: readonly string[]) => number;
}

/** Tolerance of a perfect score that is a mean of quotients. */
const ROUNDING = 1e-9;

/** A perfect row score. */
const perfect = ({ higherIsBetter, unit }: Metric): number => {
  if (!higherIsBetter) return 0;
  return unit === "points" ? 100 : 1;
};

export function taskMetric(name: MetricName): TaskMetric {
  const metric = METRICS[name];
  const best = perfect(metric);
  return {
    accepts: (text) => {
      try {
        metric.rowScore(text, [text]);
        return true;
      } catch (error) {
        if (error instanceof SlmError && error.code === "DATA_INVALID") return false;
        throw error;
      }
    },
    equal: (a, b) => a === b || Math.abs(metric.rowScore(a, [b]) - best) < ROUNDING,
    utility: (answer, references) => {
      const score = metric.rowScore(answer, references);
      return metric.higherIsBetter ? score : 0 - score;
    },
  };
}

/** Groups of equal answers, each with the places of its members; groups and places in the order of the answers. */
export function groupEqual(answers: readonly string[], { equal }: Pick<TaskMetric, "equal">): number[][] {
  const groups: number[][] = [];
  answers.forEach((answer, place) => {
    const group = groups.find(([first]) => equal(answer, answers[first!]!));
    if (group === undefined) groups.push([place]);
    else group.push(place);
  });
  return groups;
}
