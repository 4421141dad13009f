/** Has the replicas of a distillation trained by workers: each round is a flow of one job per replica and one that averages. */
import type { StageContext } from "@slm/core";
import type { RoundRequest, RoundRunner } from "@slm/distillation";
import type { EngineName } from "@slm/tensor";
import { fileRef, type FileRef, type JobRunner, type JobSpec } from "@slm/workers";
import { z } from "zod";
import { requireSendable, sendDirectories, sendSettings } from "./distill-job.js";
import { JOB_KINDS } from "./job-kinds.js";
import { replicaFacts } from "./replica-body.js";
import { runOptions } from "./run-options.js";

const stateSchema = z.strictObject({
  inputs: z.record(z.string(), fileRef),
  weights: fileRef,
  momentum: fileRef.optional(),
  /** Of each replica. */
  moments: z.array(fileRef),
});

export interface WorkerRoundsOptions {
  readonly engine: EngineName;
  readonly progress: StageContext["progress"];
}

/** @throws SlmError CONFIG_INVALID for a run that workers cannot train */
export function workerRounds(
  runner: JobRunner,
  request: RoundRequest,
  { engine, progress }: WorkerRoundsOptions,
): RoundRunner {
  const { settings, inputs } = request;
  const { replicas } = settings;
  requireSendable(settings, inputs);
  const { context, workDirectory } = inputs;
  const named = {
    word: "distill",
    dependsOn: { settings, seed: context.seed, workDirectory },
    stage: "distill",
    title: "distillation",
    total: (settings.steps - replicas.warmupSteps) * replicas.count,
  };
  const options = runOptions(named, { progress, signal: context.signal });
  const files = runner.files(options.run);
  return {
    begin: async (weights, moments) => {
      const sent = await sendDirectories(files, inputs);
      const own = await files.putFile(moments);
      const state: z.infer<typeof stateSchema> = {
        inputs: { ...sent, settings: await sendSettings(files, settings, context.seed) },
        weights: await files.putFile(weights),
        moments: Array.from({ length: replicas.count }, () => own),
      };
      return state;
    },
    round: async (given, { number, from, until }) => {
      const state = stateSchema.parse(given);
      const { weights, momentum } = state;
      const children = state.moments.map((moments, index): JobSpec => {
        const read: Readonly<Record<string, FileRef>> = { ...state.inputs, weights, moments };
        return {
          id: `round-${number}-replica-${String(index).padStart(5, "0")}`,
          kind: JOB_KINDS.replica,
          units: until - from,
          message: () =>
            Promise.resolve({ inputs: read, settings: { engine, round: number, index, from, until } }),
        };
      });
      const parent: JobSpec = {
        id: `round-${number}-average`,
        kind: JOB_KINDS.average,
        units: 0,
        message: () =>
          Promise.resolve({
            inputs: momentum === undefined ? { weights } : { weights, momentum },
            settings: { round: number, replicas },
          }),
      };
      const done = await runner.runFlow({ parent, children }, options);
      const told = done.children.map(({ facts }) => replicaFacts.parse(facts));
      const losses = told.flatMap(({ loss }) => (loss === null ? [] : [loss]));
      const averaged = z.looseObject({ trafficBytes: z.number() }).parse(done.result.facts);
      return {
        state: {
          ...state,
          weights: done.result.outputs["weights"]!,
          momentum: done.result.outputs["momentum"]!,
          moments: done.children.map(({ outputs }) => outputs["moments"]!),
        },
        loss: losses.length === 0 ? undefined : losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
        tokens: told.reduce((sum, { tokens }) => sum + tokens, 0),
        trafficBytes: told.reduce((sum, { trafficBytes }) => sum + trafficBytes, averaged.trafficBytes),
      };
    },
    weights: (given, file) => files.getFile(stateSchema.parse(given).weights, file),
    end: () => runner.end(options.run),
  };
}
