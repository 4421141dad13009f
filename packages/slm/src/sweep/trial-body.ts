/** The body of a job that trains one trial of a sweep up to a step. */
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

/** The result of a trial, as a worker returns it. */
export const trialFacts = z.strictObject({
  trial: z.int().nonnegative(),
  metrics: z.record(z.string(), z.number()),
  loss: z.number().nullable(),
  failure: z.string().nullable(),
});

/** Files from which a trial resumes. */
const STATE_FILES = /^(?:(?:state|best-\d+)\.safetensors|(?:metrics|samples)\.jsonl|run\.json)$/u;
/** Reasons are shortened to this length [characters]. */
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
