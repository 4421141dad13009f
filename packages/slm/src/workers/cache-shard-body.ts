/** The body of a job that computes one shard of a cache. */
import { SILENT } from "@slm/core";
import { loadTeachers, makeShardOfTask } from "@slm/teacher";
import type { Engine } from "@slm/tensor";
import type { JobBody } from "@slm/extension-workers";
import { join } from "node:path";
import { z } from "zod";
import { ENGINES, type Compute } from "@slm/pipeline/compute/compute";
import { withEngine } from "@slm/pipeline/compute/open-engine";
import { keptOpen } from "./kept-open.js";

const shardSettings = z.strictObject({ engine: z.enum(ENGINES) });

const teachers = keptOpen(
  (compute: Compute, body: (engine: Engine) => Promise<void>) => withEngine(compute, body),
  (directory, engine) => loadTeachers(engine, directory),
);

export const cacheShardBody: JobBody = async ({ inputs, settings, files, copies, threads, signal, work }) => {
  const { engine: name } = shardSettings.parse(settings);
  const { value: teacher, base: engine } = await teachers.get(await copies.tree(inputs["teacher"]!), {
    engine: name,
    threads,
  });
  const task = join(await work(), "task.safetensors");
  await files.getFile(inputs["task"]!, task);
  const context = { progress: SILENT, signal, seed: 0 };
  const { file, tokens } = await makeShardOfTask(task, { teacher, engine, context });
  return { outputs: { shard: await files.putBytes(file) }, facts: {}, units: tokens };
};
