/** Stage `cache`: stores the teacher's distributions over every target, so that later epochs and runs do not need the teacher. */
import { artifactInput, readManifest } from "@slm/core";
import { basename } from "node:path";
import { z } from "zod";
import { cacheConfig, cacheTeacher, type CacheConfig, type CacheStageReport } from "@slm/labelling";
import type { WorkerShare } from "@slm/extension-workers";
import { withEngine } from "@slm/models/engines";
import { estimateCache } from "../estimates/cache-estimate.js";
import { defineStage } from "../stage/stage.js";
import type { CacheWorkers } from "../workers/cache-workers.js";
import { requireInput } from "./require-input.js";

/** The statistics of a cache; with workers, also the work of each worker. */
type CacheReport = CacheStageReport & { readonly workers?: readonly WorkerShare[] };

export const cacheStage = defineStage<CacheConfig>({
  name: "cache",
  summary: "the teacher's distributions over every target, and the targets that it generates",
  section: cacheConfig,
  kind: "cache",
  revision: 1,
  inputs: [
    { stage: "data", required: true },
    { stage: "tokenizer", required: true },
    { stage: "teacher", required: true },
  ],
  estimate: estimateCache,
  run: async ({ settings, compute, workers, inputs, work, ...context }): Promise<CacheReport> => {
    const teacherDirectory = requireInput(inputs, "teacher");
    const { sha256: identity } = await artifactInput("teacher", teacherDirectory);
    const given = {
      dataDirectory: requireInput(inputs, "data"),
      tokenizerDirectory: requireInput(inputs, "tokenizer"),
      teacherDirectory,
      teacherName: await nameOf(teacherDirectory),
      identity,
      workDirectory: work,
      context,
    };
    const cache = (elsewhere?: CacheWorkers): Promise<CacheStageReport> =>
      withEngine(compute, (engine) => cacheTeacher(settings, { ...given, ...elsewhere, engine }));
    if (workers === undefined) return cache();
    // Loads the Redis client, which is optional.
    const { withCacheWorkers } = await import("../workers/cache-workers.js");
    return withCacheWorkers(workers, { settings, compute, ...given }, cache);
  },
});

/** The teacher's setting for its display name: a model or checkpoint, or otherwise its kind. */
const named = z.object({ kind: z.string(), model: z.unknown().optional(), path: z.string().optional() });

/** The name of the labelling model, without its folder. */
async function nameOf(teacherDirectory: string): Promise<string> {
  const { kind, model, path } = named.parse((await readManifest(teacherDirectory)).settings);
  return basename(typeof model === "string" ? model : (path ?? kind));
}
