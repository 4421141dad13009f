/** Trains one trial of a sweep up to a step: the body of a job. */
import { distillSegment } from "@slm/distillation";
import type { JobBody } from "@slm/extension-workers";
import { z } from "zod";
import { trainTrial } from "./trial-runner.js";
import { engineSetting, withDistillJob } from "@slm/pipeline/workers/distill-job";

const settingsSchema = z.strictObject({
  engine: engineSetting,
  trial: z.int().nonnegative(),
  until: z.int().positive(),
});

/** The result of a trial as it travels. */
export const trialFacts = z.strictObject({
  trial: z.int().nonnegative(),
  metrics: z.record(z.string(), z.number()),
  loss: z.number().nullable(),
  failure: z.string().nullable(),
});

/** Files that a trial goes on from. */
const STATE_FILES = /^(?:(?:state|best-\d+)\.safetensors|(?:metrics|samples)\.jsonl|run\.json)$/u;
/** Longest reason that travels [characters]. */
const MAX_REASON = 500;

export const trialBody: JobBody = async (request) => {
  const { inputs, files } = request;
  const { engine, trial, until } = settingsSchema.parse(request.settings);
  const workDirectory = await request.work();
  const { state } = inputs;
  if (state !== undefined) await files.getTree(state, workDirectory);
  return withDistillJob(request, { engine, workDirectory }, async (settings, given) => {
    const measured = await trainTrial(trial, until, () => distillSegment(settings, given, until));
    const { metrics, loss, failure } = measured;
    const facts = { trial, metrics: { ...metrics }, loss, failure: failure?.slice(0, MAX_REASON) ?? null };
    if (failure !== null) return { outputs: {}, facts, units: until };
    const left = await files.putTree(workDirectory, (path) => STATE_FILES.test(path));
    return { outputs: { state: left }, facts, units: until };
  });
};
