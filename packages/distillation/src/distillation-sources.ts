/** Opens, owns and closes all sources of training data and targets of a distillation. */
import { SlmError } from "@slm/core";
import { CACHE_ROWS } from "@slm/teacher";
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
import { UNLABELLED_FILE, UnlabelledSources } from "./targets/unlabelled-sources.js";

/** Temporary files of the sources in the work directory. */
export const SOURCE_FILES: readonly string[] = [
  CORPUS_FILE,
  UNLABELLED_FILE,
  IMAGES_FILE,
  IMAGES_RECORD,
  ...Object.values(STORED_FILES),
];

export interface DistillationSources {
  /** The training rows, with their images for a vision-language student. */
  readonly corpus: Corpus;
  /** Undefined if neither a term nor a target requires it. */
  readonly teacher: DistillationTeacher | undefined;
  /** Unlabelled sources, which the teacher labels during training. */
  readonly unlabelled: UnlabelledSources | undefined;
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
 * teacher ──► corpus and images ──► stored targets ──► unlabelled sources ──► gold cache ──► on-policy targets
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
    if (teacher === undefined) requireStored(run, stored);
    const unlabelled =
      teacher !== undefined && stored.unlabelled === undefined
        ? owned.own(await UnlabelledSources.open(run, teacher.reader))
        : undefined;
    const cache = teacher && owned.own(await openGoldCache(run, teacher, corpus));
    return {
      corpus,
      stored,
      unlabelled,
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

/** Without a teacher, all of its targets must be stored. @throws SlmError DATA_INVALID */
function requireStored({ settings, config }: DistillRun, stored: StoredByOrigin): void {
  for (const { origin, kind, fraction } of STORED_TARGETS) {
    if (settings.targets[fraction] === 0 || stored[origin] !== undefined) continue;
    const { maxSource, maxTarget } = textLimits(config);
    throw new SlmError(
      "DATA_INVALID",
      `distill: all rows of ${CACHE_ROWS[kind]} exceed the student's limits: at most ${maxSource} source and ${maxTarget} target tokens ` +
        "that are in its vocabulary",
      { suggestions: [`--set distill.targets.${fraction}=0`, "allow longer texts in distill.student"] },
    );
  }
}
