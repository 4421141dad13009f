/** Averages the replicas of a round: the body of a job that is done after theirs. */
import { SlmError } from "@slm/core";
import { outerOf, replicasConfig } from "@slm/distillation";
import { outerStep } from "@slm/training";
import type { FileRef, JobBody } from "@slm/workers";
import { join } from "node:path";
import { z } from "zod";
import { replicaFacts } from "@slm/pipeline/workers/replica-body";

const averageSettings = z.strictObject({ round: z.int().positive(), replicas: replicasConfig });

export const averageBody: JobBody = async ({ inputs, settings, files, copies, children, work }) => {
  const { round, replicas } = averageSettings.parse(settings);
  const start = inputs["weights"]!;
  const results = await children();
  if (results.length !== replicas.count)
    throw new SlmError(
      "DATA_INVALID",
      `distill: round ${round} has ${results.length} updates, expected ${replicas.count}`,
    );
  const directory = await work();
  const before = files.traffic;
  const ends: string[] = [];
  for (const [place, { outputs, facts }] of results.entries()) {
    const told = replicaFacts.parse(facts);
    if (told.round !== round || told.index !== place || told.start !== start.sha256)
      throw new SlmError(
        "DATA_INVALID",
        `distill: an update of replica ${told.index} in round ${told.round}, expected replica ${place} in round ${round} from the same weights`,
      );
    ends.push(join(directory, `end-${place}`));
    await files.getFile(outputs["weights"]!, ends[place]!);
  }
  const { momentum } = inputs;
  const paths = {
    start: await copies.file(start),
    momentum: momentum && (await copies.file(momentum)),
    ends,
  };
  const next = await outerStep(paths, outerOf(replicas));
  const keep = async (bytes: Uint8Array): Promise<FileRef> => copies.keep(await files.putBytes(bytes), bytes);
  const outputs = { weights: await keep(next.weights), momentum: await keep(next.momentum) };
  return {
    outputs,
    facts: { round, deltaNorm: next.deltaNorm, trafficBytes: files.traffic - before },
    units: 0,
  };
};
