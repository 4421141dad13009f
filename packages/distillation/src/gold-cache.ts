/** The teacher's distributions over the data's targets: a cache that was made before, or one made for this run. */
import { join } from "node:path";
import { rm } from "node:fs/promises";
import type { StageContext } from "@slm/core";
import { SlmError } from "@slm/core";
import { buildTeacherCache, openTeacherCache, type Teacher, type TeacherCache } from "@slm/teacher";
import type { Engine } from "@slm/tensor";
import type { TokenPairs } from "@slm/training";

/** Directory of a run's own cache inside its work directory. */
const OWN_CACHE = "teacher-cache";

export interface GoldCacheRequest {
  /** A finished cache; absent where the run makes its own. */
  readonly directory?: string | undefined;
  readonly workDirectory: string;
  readonly teacher: Teacher;
  /** Tells teachers apart: shards of another teacher are not continued. */
  readonly identity: string;
  /** In the teacher's tokens. */
  readonly pairs: TokenPairs;
  /** Tokens kept per position of a cache that the run makes. */
  readonly k: number;
  readonly engine: Engine;
  readonly context: StageContext;
}

/**
 * Opens the cache, after making it where none is given; a killed run continues where it was.
 *
 * @throws SlmError SHAPE_MISMATCH for a cache of another vocabulary, and as the cache's own functions.
 */
export async function openGoldCache(request: GoldCacheRequest): Promise<TeacherCache> {
  const { directory, workDirectory, teacher, context, ...build } = request;
  if (directory === undefined) {
    const own = join(workDirectory, OWN_CACHE);
    // Steps are the run's own: what is done here is told in words.
    const progress: StageContext["progress"] = ({ step = 0, total = 0, metrics = {} }) => {
      const message = `teacher distributions: ${step} of ${total} target tokens`;
      context.progress({ stage: "distill", message, metrics });
    };
    await buildTeacherCache({ ...build, teacher, directory: own, context: { ...context, progress } });
    return openTeacherCache(own);
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

/** Removes the cache that a run made for itself. */
export async function removeOwnCache(workDirectory: string): Promise<void> {
  await rm(join(workDirectory, OWN_CACHE), { recursive: true, force: true });
}
