/** The body of a job that computes one shard of a cache. */
import { SILENT } from "@slm/core";
import { loadTeachers, makeShardOfTask } from "@slm/teacher";
import type { Engine } from "@slm/tensor";
import type { JobBody } from "@slm/extension-workers";
import { join } from "node:path";
import { z } from "zod";
import { ENGINES, type Compute } from "@slm/models/compute";
import { withEngine } from "@slm/models/engines";

const shardSettings = z.strictObject({ engine: z.enum(ENGINES) });

interface OpenTeacher {
  readonly teacher: Awaited<ReturnType<typeof loadTeachers>>;
  readonly engine: Engine;
  readonly close: () => Promise<void>;
}

/** The teacher of the last job, which stays open because the next job usually has the same one. */
let held: (OpenTeacher & { readonly identity: string }) | undefined;

async function teacherIn(directory: string, compute: Compute): Promise<OpenTeacher> {
  const identity = JSON.stringify([directory, compute]);
  if (held?.identity === identity) return held;
  await held?.close();
  held = undefined;
  held = { identity, ...(await openTeacher(directory, compute)) };
  return held;
}

/** Opens a teacher inside `withEngine`, which does not return until the teacher is closed. */
function openTeacher(directory: string, compute: Compute): Promise<OpenTeacher> {
  return new Promise((resolve, reject) => {
    const ended = withEngine(compute, async (engine) => {
      const teacher = await loadTeachers(engine, directory);
      await new Promise<void>((letGo) => {
        resolve({
          teacher,
          engine,
          close: async () => {
            await teacher.close();
            letGo();
            await ended;
          },
        });
      });
    });
    ended.catch(reject);
  });
}

export const cacheShardBody: JobBody = async ({ inputs, settings, files, copies, threads, signal, work }) => {
  const { engine: name } = shardSettings.parse(settings);
  const directory = await copies.tree(inputs["teacher"]!);
  const { teacher, engine } = await teacherIn(directory, { engine: name, threads });
  const task = join(await work(), "task.safetensors");
  await files.getFile(inputs["task"]!, task);
  const context = { progress: SILENT, signal, seed: 0 };
  const { file, tokens } = await makeShardOfTask(task, { teacher, engine, context });
  return { outputs: { shard: await files.putBytes(file) }, facts: {}, units: tokens };
};
