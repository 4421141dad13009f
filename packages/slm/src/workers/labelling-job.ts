/** Opens the resources of jobs that ask a teacher for texts: its directory, an engine, and the state that requests to its server share. */
import { SILENT } from "@slm/core";
import type { BlockLabeller } from "@slm/labelling";
import type { JobRequest } from "@slm/extension-workers";
import { z } from "zod";
import { ENGINES } from "@slm/models/compute";
import { withEngine } from "@slm/models/engines";
import { shareApi } from "@slm/pipeline/workers/share-api";

const settingsSchema = z.strictObject({
  engine: z.enum(ENGINES),
  name: z.string(),
  identity: z.string(),
  budget: z.string(),
});

type Open = typeof BlockLabeller.open;

export interface LabellingJob {
  readonly task: string;
  readonly teacher: Parameters<Open>[0];
  readonly shared: Parameters<Open>[1];
}

/** Opens the resources of a labelling job, runs `body` with them, and closes them. */
export async function withLabellingJob<Result>(
  { inputs, settings, files, copies, threads, redis, allowed, signal }: JobRequest,
  body: (job: LabellingJob) => Promise<Result>,
): Promise<Result> {
  const { engine: engineName, name, identity, budget } = settingsSchema.parse(settings);
  const task = (await files.getBytes(inputs["task"]!)).toString("utf8");
  const teacher = { directory: await copies.tree(inputs["teacher"]!), name, identity };
  const tokenizerDirectory = await copies.tree(inputs["tokenizer"]!);
  const api = await shareApi(redis, files.store, budget);
  try {
    return await withEngine({ engine: engineName, threads }, (engine) => {
      const context = { progress: SILENT, signal, seed: 0 };
      const { sharing } = api;
      const shared = { tokenizerDirectory, engine, context, sharing, permissions: allowed };
      return body({ task, teacher, shared });
    });
  } finally {
    api.close();
  }
}
