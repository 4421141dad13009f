/** Trains one replica for a round: the body of a job. */
import { SlmError } from "@slm/core";
import { distillSegment, trainReplica } from "@slm/distillation";
import type { FileRef, JobBody } from "@slm/workers";
import { z } from "zod";
import { engineSetting, withDistillJob } from "./distill-job.js";

const digest = z.string().length(64);

const replicaSettings = z.strictObject({
  engine: engineSetting,
  round: z.int().positive(),
  index: z.int().nonnegative(),
  from: z.int().nonnegative(),
  until: z.int().positive(),
});

/** What a replica says about its work, by which the average knows that it belongs to the round. */
export const replicaFacts = z.strictObject({
  round: z.int(),
  index: z.int(),
  /** Hash of the weights that it began with. */
  start: digest,
  loss: z.number().nullable(),
  tokens: z.number(),
  trafficBytes: z.number(),
});

export const replicaBody: JobBody = async (request) => {
  const { inputs, files, copies } = request;
  const { engine, round, index, from, until } = replicaSettings.parse(request.settings);
  const workDirectory = await request.work();
  const weights = inputs["weights"]!;
  return withDistillJob(request, { engine, workDirectory }, async (settings, given) => {
    const { replicas } = settings;
    if (replicas === undefined)
      throw new SlmError("DATA_INVALID", "distill: a replica without settings of replicas");
    const before = files.traffic;
    const paths = { weights: await copies.file(weights), moments: await copies.file(inputs["moments"]!) };
    const run = { settings: { ...settings, replicas }, inputs: given, segment: distillSegment };
    const trained = await trainReplica(run, { ...paths, from, until, index });
    const keep = async (bytes: Uint8Array): Promise<FileRef> =>
      copies.keep(await files.putBytes(bytes), bytes);
    const outputs = { weights: await files.putBytes(trained.weights), moments: await keep(trained.moments) };
    const { loss = null, tokens, steps } = trained.report;
    const trafficBytes = files.traffic - before;
    return {
      outputs,
      facts: { round, index, start: weights.sha256, loss, tokens, trafficBytes },
      units: steps,
    };
  });
};
