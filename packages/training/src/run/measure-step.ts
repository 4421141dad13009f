/** Measures the time of a training step on this machine with a few steps, and discards their weights. */
import { initializeParameters } from "@slm/model";
import { createRandom } from "@slm/generation";
import { LiveWeights } from "../state/live-weights.js";
import { resolveModules } from "../parameters/module-training.js";
import { planRun, runSpecs } from "../program/state-layout.js";
import { StepRunner } from "./step-runner.js";
import type { Bucket } from "../data/buckets.js";
import type { TrainRequest } from "../contract/training-contract.js";
import { uploadState } from "../state/training-state.js";

export type StepTimeRequest = Pick<
  TrainRequest,
  "stage" | "engine" | "config" | "settings" | "objective" | "workDirectory" | "context"
> & {
  /** Shape of the batches. */
  readonly bucket: Bucket;
};

export interface StepTime {
  /** Median time of a step of one batch [seconds]. */
  readonly seconds: number;
  /** Time to compile the program for a batch shape [seconds]. */
  readonly compileSeconds: number;
}

/** Timed steps, after one untimed step. */
const TIMED_STEPS = 3;

/**
 * Runs steps of one batch each from random weights, in the same way as `train`: forward pass, backward pass, clipping and optimizer in one
 * program. The objective must have the rows 0 to `settings.batchSize` - 1.
 *
 * @throws SlmError GATE_FAILED for a loss that is not a number
 */
export async function measureStep(request: StepTimeRequest): Promise<StepTime> {
  const { config, settings, engine, objective, bucket, stage, context } = request;
  const { modules, adapters } = resolveModules(config, settings, stage);
  const extra = { adapters, auxiliary: objective.auxiliary ?? [] };
  const plan = planRun(config, extra, modules);
  const weights = initializeParameters(runSpecs(config, extra), createRandom(context.seed).next);
  const state = await uploadState(engine, plan, settings, weights);
  const live = new LiveWeights(request, plan, state);
  const steps = new StepRunner(request, plan, [bucket], state);
  try {
    const batch = { bucket: 0, rows: Int32Array.from({ length: settings.batchSize }, (_, row) => row) };
    const started = performance.now();
    const feeds = await objective.feeds(batch, bucket, 1, await live.current());
    const prepared = [{ number: 1, batch, feeds }];
    const compiled = await steps.compile(prepared);
    const compileSeconds = (performance.now() - started) / 1000;
    const times: number[] = [];
    for (let step = 1; step <= 1 + TIMED_STEPS; step++) {
      const begun = performance.now();
      await steps.run(step, prepared, compiled, {});
      times.push((performance.now() - begun) / 1000);
    }
    const timed = times.slice(1).sort((a, b) => a - b);
    return { seconds: timed[timed.length >> 1]!, compileSeconds };
  } finally {
    await steps.close();
    await live.close();
    await engine.release(Object.values(state.feeds));
  }
}
