/** Opens the teacher's distributions over the gold targets: an existing cache, or a temporary one for this run. */
import { join } from "node:path";
import { removePath, type StageContext, SlmError } from "@slm/core";
import { buildTeacherCache, hasDistributions, TeacherCache } from "@slm/teacher";
import type { Corpus } from "../sources/corpus.js";
import type { DistillRun } from "../config/distill-inputs.js";
import { requiresDistributions } from "../config/loss-config.js";
import { isAlwaysOnPolicy } from "../config/target-shares.js";
import type { OpenTeacher } from "./open-teacher.js";
import { modelHash } from "../sources/content-hashes.js";

/** Directory of the temporary cache in the work directory. */
const OWN_CACHE = "teacher-cache";
/** Number of most probable tokens stored per target token. The cache stage has its own setting. */
const GOLD_TOKENS = 128;

/**
 * Opens the given cache, or creates a temporary one (resumable). Undefined if no term compares distributions, or if every batch is on-policy.
 *
 * @throws SlmError SHAPE_MISMATCH for a cache with another vocabulary, INPUT_MISSING for a cache without distributions, and as the cache's own functions.
 */
export async function openGoldCache(
  { settings, inputs }: DistillRun,
  { teacher, directory: teacherDirectory }: OpenTeacher,
  { teacherPairs }: Corpus,
): Promise<TeacherCache | undefined> {
  if (!requiresDistributions(settings.loss) || isAlwaysOnPolicy(settings.targets)) return undefined;
  const { cacheDirectory: directory, workDirectory, engine, context } = inputs;
  if (directory === undefined) {
    const own = join(workDirectory, OWN_CACHE);
    // Progress is text here, because step counts are for training.
    const progress: StageContext["progress"] = ({ step = 0, total = 0, metrics = {} }) => {
      const message = `teacher distributions: ${step} of ${total} target tokens`;
      context.progress({ stage: "distill", message, metrics });
    };
    await buildTeacherCache({
      directory: own,
      teacher,
      // Identifies the teacher, so that another teacher's shards are not reused.
      identity: await modelHash(teacherDirectory),
      pairs: teacherPairs,
      k: GOLD_TOKENS,
      engine,
      context: { ...context, progress },
    });
    return TeacherCache.open(own);
  }
  if (!(await hasDistributions(directory))) {
    throw new SlmError(
      "INPUT_MISSING",
      `distill: a loss term compares distributions, but the cache in ${directory} has none`,
      {
        suggestions: [
          "store them: --set cache.distributions=topK",
          "learn only from labels: --set distill.loss.forwardKl=0 --set distill.loss.crossEntropy=1",
        ],
      },
    );
  }
  const cache = await TeacherCache.open(directory);
  const { vocabularySize } = teacher.config;
  if (cache.file.vocabularySize === vocabularySize) return cache;
  await cache.close();
  throw new SlmError(
    "SHAPE_MISMATCH",
    `distill: the cache in ${directory} has distributions over ${cache.file.vocabularySize} tokens, but the teacher's vocabulary has ${vocabularySize}`,
    { suggestions: ["create the cache with this teacher: slm teacher cache RECIPE"] },
  );
}

/** Removes a run's temporary cache. */
export async function removeOwnCache(workDirectory: string): Promise<void> {
  await removePath(join(workDirectory, OWN_CACHE));
}
