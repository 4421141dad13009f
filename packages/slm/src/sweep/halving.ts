/**
 * Successive halving (Jamieson and Talwalkar 2016, arXiv:1502.07943): all trials train for a few steps, the best of them for `eta` times as
 * many, and so on, until the remaining trials have trained in full. A trial that stops early costs a fraction of its steps.
 */
import { METRICS, type MetricName } from "@slm/metrics";

/** Trials that train up to a step. */
export interface Rung {
  readonly steps: number;
  readonly trials: number;
}

/** The results of a trial at a step. */
export interface Measured {
  readonly trial: number;
  readonly steps: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly loss: number | null;
  /** The reason why a trial that diverged has no metrics. */
  readonly failure: string | null;
}

/** @param eta 1: every trial trains in full */
export function rungsOf(trials: number, steps: number, eta: number): readonly Rung[] {
  const rungs: Rung[] = [{ steps, trials }];
  if (eta <= 1) return rungs;
  const counts = [trials];
  while (counts.at(-1)! >= eta) counts.push(Math.floor(counts.at(-1)! / eta));
  return counts.map((count, rung) => ({
    steps: Math.max(1, Math.round(steps / eta ** (counts.length - 1 - rung))),
    trials: count,
  }));
}

/** Sorts the measured trials, best first: by the first metric in which they differ, then by number. Failed trials are last. */
export function ranked(measured: readonly Measured[], metrics: readonly MetricName[]): readonly Measured[] {
  return [...measured].sort((a, b) => {
    if ((a.failure === null) !== (b.failure === null)) return a.failure === null ? -1 : 1;
    for (const name of metrics) {
      const [one = 0, two = 0] = [a.metrics[name], b.metrics[name]];
      if (one !== two) return (one < two ? -1 : 1) * (METRICS[name].higherIsBetter ? -1 : 1);
    }
    return a.trial - b.trial;
  });
}
