/** Opens, owns and closes all sources of training data and targets of a distillation. */
import { SlmError } from "@slm/core";
import { CACHE_ROWS, cacheRowKinds } from "@slm/teacher";
import type { Corpus } from "./sources/corpus.js";
import type { DistillRun } from "./config/distill-inputs.js";
import { distillationTeacher, type DistillationTeacher } from "./teacher/distillation-teacher.js";
import { openGoldCache } from "./teacher/gold-cache.js";
import { OnPolicyTargets } from "./targets/on-policy-targets.js";
import { CORPUS_FILE, openCorpus, textLimits } from "./sources/open-corpus.js";
import { openTeacher, type OpenTeacher } from "./teacher/open-teacher.js";
import { OwnedSources } from "./sources/owned-sources.js";
import { IMAGES_FILE, IMAGES_RECORD } from "./sources/row-images.js";
import { openStoredTargets, STORED_FILES, type StoredByOrigin } from "./targets/stored-targets.js";
import { STORED_TARGETS } from "./config/target-shares.js";

/** Temporary files of the sources in the work directory. */
export const SOURCE_FILES: readonly string[] = [
  CORPUS_FILE,
  IMAGES_FILE,
  IMAGES_RECORD,
  ...Object.values(STORED_FILES),
];

export interface DistillationSources {
  /** The training rows, with their images for a vision-language student. */
  readonly corpus: Corpus;
  /** Undefined if no term requires it. */
  readonly teacher: DistillationTeacher | undefined;
  /** Targets that the teacher generated in the cache stage, by origin. */
  readonly stored: StoredByOrigin;
  /** On-policy targets, sampled from the student. */
  readonly onPolicy: OnPolicyTargets;
  /** The model of `teacher`, and its tokenizer if it encodes sources differently from the student. */
  readonly teacherModel: Pick<OpenTeacher, "teacher" | "reader"> | undefined;
  /** Closes every source, the last opened first. */
  close(): Promise<void>;
}

/**
 * Opens every source with a positive fraction or weight. Sources that fail fast are opened first:
 *
 * ```
 * teacher ──► corpus and images ──► stored targets ──► gold cache ──► on-policy targets
 * ```
 *
 * @throws SlmError as `distill`; sources that were already opened are closed.
 */
export async function openDistillationSources(run: DistillRun): Promise<DistillationSources> {
  const owned = new OwnedSources();
  try {
    const teacher = owned.own(await openTeacher(run));
    const corpus = owned.own(await openCorpus(run, teacher?.reader));
    const stored = await openStoredTargets(run, teacher?.reader, corpus.images);
    for (const targets of Object.values(stored)) owned.own(targets);
    await requireStored(run, stored);
    const cache = teacher && owned.own(await openGoldCache(run, teacher, corpus));
    return {
      corpus,
      stored,
      teacher: teacher && distillationTeacher({ teacher: teacher.teacher, cache }),
      onPolicy: owned.own(new OnPolicyTargets(run.settings)),
      teacherModel: teacher,
      close: () => owned.close(),
    };
  } catch (error) {
    await owned.close();
    throw error;
  }
}

/** @throws SlmError INPUT_MISSING if the cache has no targets of an origin; DATA_INVALID if the student can read none of them */
async function requireStored(
  { settings, config, inputs: { cacheDirectory } }: DistillRun,
  stored: StoredByOrigin,
): Promise<void> {
  const kinds = cacheDirectory === undefined ? undefined : await cacheRowKinds(cacheDirectory);
  for (const { origin, kind, fraction } of STORED_TARGETS) {
    if (settings.targets[fraction] === 0 || stored[origin] !== undefined) continue;
    if (kinds?.has(kind) !== true)
      throw new SlmError(
        "INPUT_MISSING",
        `distill.targets.${fraction}: expected targets that stage cache stored in ${CACHE_ROWS[kind]}, got none`,
        {
          suggestions: [
            kind === "generated" ? "--set cache.generate=greedy" : "sources: data.unlabelled",
            `--set distill.targets.${fraction}=0`,
          ],
        },
      );
    const { maxSource, maxTarget } = textLimits(config);
    throw new SlmError(
      "DATA_INVALID",
      `distill: all rows of ${CACHE_ROWS[kind]} exceed the student's limits: at most ${maxSource} source and ${maxTarget} target tokens ` +
        "that are in its vocabulary",
      { suggestions: [`--set distill.targets.${fraction}=0`, "allow longer texts in distill.student"] },
    );
  }
}
