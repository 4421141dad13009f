/** Trains the trials of a sweep on workers. A trial can resume on another machine, because its state is in shared storage. */
import { SlmError } from "@slm/core";
import type { FileRef, JobRunner, JobSpec } from "@slm/extension-workers";
import { failureError, fileRef } from "@slm/extension-workers/references";
import type { TrialContext, TrialRunner } from "./trial-runner.js";
import { requireSendable, sendDirectories, sendSettings } from "@slm/pipeline/workers/distill-job";
import { JOB_KINDS } from "@slm/pipeline/workers/job-kinds";
import { runOptions } from "@slm/pipeline/workers/run-options";
import { trialFacts } from "./trial-body.js";

/** @param sweep identifies the sweep: a hash of everything that its results depend on */
export function workerTrials(
  runner: JobRunner,
  sweep: unknown,
  { directories, compute, context }: TrialContext,
): TrialRunner {
  const { engine } = compute;
  const dependsOn = { sweep, engine, seed: context.seed };
  const options = runOptions({ word: "sweep", dependsOn, stage: "sweep", title: "sweep" }, context);
  let sent: Readonly<Record<string, FileRef>> | undefined;
  return {
    train: async (requests, until, onDone) => {
      const byId = new Map(
        requests.map(({ trial, state }) => [`trial-${trial.number}-${until}`, { trial, state }]),
      );
      const jobs = [...byId].map(([id, { trial, state }]): JobSpec => ({
        id,
        kind: JOB_KINDS.trial,
        units: until,
        message: async (files) => {
          requireSendable(trial.distill, directories);
          sent ??= await sendDirectories(files, directories);
          const settings = await sendSettings(files, trial.distill, context.seed);
          const before = state === undefined || state === null ? {} : { state: fileRef.parse(state) };
          return {
            inputs: { ...sent, settings, ...before },
            settings: { engine, trial: trial.number, until },
          };
        },
      }));
      const failed = await runner.run(jobs, options, async ({ id }, { facts, outputs }) => {
        const { trial, ...measured } = trialFacts.parse(facts);
        if (byId.get(id)?.trial.number !== trial)
          throw new SlmError(
            "DATA_INVALID",
            `sweep: ${id}: expected this trial's result, got another trial's`,
          );
        await onDone({ trial, steps: until, ...measured }, outputs["state"] ?? null);
      });
      if (failed.length === 0) return;
      await runner.end(options.run);
      throw failureError(failed[0]!);
    },
    end: () => runner.end(options.run),
  };
}
