/** Trains the trials of a sweep. The local runner trains them in this process, one after the other. */
import { makeFolder, SILENT, SlmError, type StageContext } from "@slm/core";
import { distillSegment, type DistillConfig } from "@slm/distillation";
import { join } from "node:path";
import type { Compute } from "@slm/pipeline/compute/compute";
import { withEngine } from "@slm/pipeline/compute/open-engine";
import type { DistillDirectories } from "@slm/pipeline/workers/distill-job";
import type { Measured } from "./halving.js";
import type { Trial } from "./space.js";

/** A trial with its settings. */
export interface PlannedTrial extends Trial {
  readonly distill: DistillConfig;
}

/** The state from which a trial resumes: plain data that only its runner understands; undefined before its first steps. */
export type TrialState = unknown;

interface TrialRequest {
  readonly trial: PlannedTrial;
  readonly state: TrialState;
}

export interface TrialRunner {
  /** Trains trials up to a step, in any order. @param onDone called once for each trial @throws SlmError as `distill` */
  train(
    requests: readonly TrialRequest[],
    until: number,
    onDone: (measured: Measured, state: TrialState) => Promise<void>,
  ): Promise<void>;
  /** Removes the runner's temporary data. */
  end(): Promise<void>;
}

export interface TrialContext {
  readonly directories: DistillDirectories;
  readonly compute: Compute;
  readonly context: StageContext;
}

/** The reason why a trial has no metrics. A loss that is not finite is a result; every other error ends the sweep. */
const divergence = (error: unknown): string | undefined =>
  error instanceof SlmError && error.code === "GATE_FAILED" ? error.message : undefined;

/** Trains one trial after the other, each in its own directory. */
export function localTrials({ directories, compute, context }: TrialContext, folder: string): TrialRunner {
  return {
    train: async (requests, until, onDone) => {
      for (const { trial } of requests) {
        const workDirectory = join(folder, `trial-${trial.number}`);
        await makeFolder(workDirectory);
        const measured = await withEngine(compute, (engine) => {
          const inputs = { ...directories, workDirectory, engine, context: { ...context, progress: SILENT } };
          return trainTrial(trial.number, until, () => distillSegment(trial.distill, inputs, until));
        });
        await onDone(measured, undefined);
      }
    },
    end: () => Promise.resolve(),
  };
}

/** Returns the result of a trial's training, even if it diverged. */
export async function trainTrial(
  trial: number,
  steps: number,
  train: () => ReturnType<typeof distillSegment>,
): Promise<Measured> {
  try {
    const { metrics, loss = null } = await train();
    return { trial, steps, metrics, loss, failure: null };
  } catch (error) {
    const failure = divergence(error);
    if (failure === undefined) throw error;
    return { trial, steps, metrics: {}, loss: null, failure };
  }
}
