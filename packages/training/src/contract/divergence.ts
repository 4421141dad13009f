/** Detects whether a training run diverged: whether its loss rose far above the loss of the untrained model. */
import { SlmError } from "@slm/core";
import { isMetricName, isWorstValue } from "@slm/metrics";

/**
 * A mean loss above both limits means that the model became confidently wrong: twice the loss of the first step, which is the loss of the
 * untrained model, and one nat more than it. Noise between batches stays far below.
 */
const DIVERGED_RATIO = 2;
const DIVERGED_NATS = 1;

/** Loss curve of a run so far. It is part of the run's state, so a resumed run is judged like an uninterrupted one. */
export interface LossCourse {
  /** Loss of the first step, before any update. */
  readonly first: number;
  /** The highest mean loss between two lines of the log, and the step of the later line. */
  readonly peak: number;
  readonly peakStep: number;
}

/** A run with a loss far above its start. */
export interface Divergence {
  readonly firstLoss: number;
  readonly peakLoss: number;
  /** Step with the highest loss. */
  readonly step: number;
}

/** The curve after one more line of the log with its mean loss. */
export function followLoss(course: LossCourse, step: number, loss: number): LossCourse {
  return loss > course.peak ? { ...course, peak: loss, peakStep: step } : course;
}

/** The divergence of a curve; undefined if the loss stayed near its start or below. */
export function divergenceOf(course: LossCourse | undefined): Divergence | undefined {
  if (course === undefined) return undefined;
  const { first, peak, peakStep } = course;
  const limit = Math.max(DIVERGED_RATIO * first, first + DIVERGED_NATS);
  return peak > limit ? { firstLoss: first, peakLoss: peak, step: peakStep } : undefined;
}

/** One sentence about a divergence, for messages. */
export function divergenceText({ firstLoss, peakLoss, step }: Divergence): string {
  return `training diverged: the loss rose from ${short(firstLoss)} at the first step to ${short(peakLoss)} at step ${step}`;
}

/** Advice for a run that diverged. */
export function divergenceAdvice(learningRate: number): string {
  return `lower learningRate in the recipe from ${short(learningRate)}, for example to ${short(learningRate / 10)}`;
}

/**
 * Rejects a run that diverged and learned nothing: some metric of its best weights has the worst possible value. A run that diverged late keeps
 * its earlier good weights and passes.
 *
 * @throws SlmError GATE_FAILED
 */
export function rejectDiverged(
  divergence: Divergence | undefined,
  metrics: Readonly<Record<string, number>>,
  { stage, learningRate }: { readonly stage: string; readonly learningRate: number },
): void {
  const worst = Object.entries(metrics).find(
    ([name, value]) => isMetricName(name) && isWorstValue(name, value),
  );
  if (divergence === undefined || worst === undefined) return;
  const [metric, value] = worst;
  throw new SlmError(
    "GATE_FAILED",
    `${stage}: ${divergenceText(divergence)}; the best weights have ${metric} ${value} on the dev split`,
    {
      context: { stage, ...divergence, metrics },
      suggestions: [divergenceAdvice(learningRate)],
    },
  );
}

const short = (value: number): string => String(Number(value.toPrecision(3)));
