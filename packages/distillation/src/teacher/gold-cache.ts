/** The teacher's distributions over the gold targets: an existing cache, or a temporary one of this run. */
import { join } from "node:path";
import { rm } from "node:fs/promises";
import { type StageContext, SlmError } from "@slm/core";
import { buildTeacherCache, hasDistributions, openTeacherCache, type TeacherCache } from "@slm/teacher";
import type { Corpus } from "../sources/corpus.js";
import type { DistillRun } from "../config/distill-inputs.js";
import { requiresDistributions } from "../config/loss-config.js";
import type { OpenTeacher } from "./open-teacher.js";
import { modelHash } from "../sources/content-hashes.js";

/** Directory of a run's own cache inside its work directory. */
const OWN_CACHE = "teacher-cache";
/** Most probable tokens stored per target token; a cache stage has its own setting. */
const GOLD_TOKENS = 128;

/**
 * Opens the given cache, or builds a temporary one (resumable). Undefined if no term compares distributions.
 *
 * @throws SlmError SHAPE_MISMATCH for a cache of another vocabulary, INPUT_MISSING for one without distributions, and as the cache's own functions.
 */
export async function openGoldCache(
  { settings, inputs }: DistillRun,
  { teacher, directory: teacherDirectory }: OpenTeacher,
  { teacherPairs }: Corpus,
): Promise<TeacherCache | undefined> {
  if (!requiresDistributions(settings.loss)) return undefined;
  const { cacheDirectory: directory, workDirectory, engine, context } = inputs;
  if (directory === undefined) {
    const own = join(workDirectory, OWN_CACHE);
    // Step counts belong to the training, so this progress is reported as text.
    const progress: StageContext["progress"] = ({ step = 0, total = 0, metrics = {} }) => {
      const message = `teacher distributions: ${step} of ${total} target tokens`;
      context.progress({ stage: "distill", message, metrics });
    };
    await buildTeacherCache({
      directory: own,
      teacher,
      // Identifies the teacher, so that shards of another teacher are not reused.
      identity: await modelHash(teacherDirectory),
      pairs: teacherPairs,
      k: GOLD_TOKENS,
      engine,
      context: { ...context, progress },
    });
    return openTeacherCache(own);
  }
  if (!(await hasDistributions(directory))) {
    throw new SlmError(
      "INPUT_MISSING",
      `distill: a term compares distributions, but the cache in ${directory} stores none`,
      {
        suggestions: [
          "store them: --set cache.distributions=topK",
          "learn from labels alone: --set distill.loss.forwardKl=0 --set distill.loss.crossEntropy=1",
        ],
      },
    );
  }
  const cache = await openTeacherCache(directory);
  const { vocabularySize } = teacher.config;
  if (cache.vocabularySize === vocabularySize) return cache;
  await cache.close();
  throw new SlmError(
    "SHAPE_MISMATCH",
    `distill: the cache in ${directory} has distributions over ${cache.vocabularySize} tokens, the teacher's vocabulary has ${vocabularySize}`,
    { suggestions: ["make the cache with this teacher: slm teacher cache RECIPE"] },
  );
}

/** Removes the temporary cache of a run. */
export async function removeOwnCache(workDirectory: string): Promise<void> {
  await rm(join(workDirectory, OWN_CACHE), { recursive: true, force: true });
}
