/** The owner of all that a student learns from: it opens its sources in the order in which they are read, and closes them. */
import type { Corpus } from "./corpus.js";
import type { DistillRun } from "./distill-inputs.js";
import type { DistillationTeacher } from "./distillation-teacher.js";
import { openGoldCache } from "./gold-cache.js";
import { OnPolicyTargets } from "./on-policy-targets.js";
import { CORPUS_FILE, openCorpus } from "./open-corpus.js";
import { openTeacher, teacherOf } from "./open-teacher.js";
import { OwnedSources } from "./owned-sources.js";
import { IMAGES_FILE, IMAGES_RECORD } from "./row-images.js";
import { openStoredTargets, STORED_FILES, type StoredByOrigin } from "./stored-targets.js";
import { UNLABELLED_FILE, UnlabelledSources } from "./unlabelled-sources.js";

/** Files of the sources in the work directory, which are of no use once the run is over. */
export const SOURCE_FILES: readonly string[] = [
  CORPUS_FILE,
  UNLABELLED_FILE,
  IMAGES_FILE,
  IMAGES_RECORD,
  ...Object.values(STORED_FILES),
];

export interface DistillationSources {
  /** The data's rows, with their images where the student sees. */
  readonly corpus: Corpus;
  /** Absent where neither a term nor a target requires it. */
  readonly teacher: DistillationTeacher | undefined;
  /** Sources that the teacher labels while the student trains. */
  readonly unlabelled: UnlabelledSources | undefined;
  /** Targets that the teacher wrote before, by the origin they stand for. */
  readonly stored: StoredByOrigin;
  /** Targets that the student samples itself. */
  readonly onPolicy: OnPolicyTargets;
  readonly teacherParameters: number | undefined;
  /** Closes every source, the last opened first. */
  close(): Promise<void>;
}

/**
 * Opens every source that the settings give a share or a weight, what can fail fastest first:
 *
 * ```
 * teacher ──► corpus and images ──► stored targets ──► unlabelled sources ──► gold cache ──► on-policy targets
 * ```
 *
 * @throws SlmError as `distill`; what was opened before is closed.
 */
export async function openDistillationSources(run: DistillRun): Promise<DistillationSources> {
  const owned = new OwnedSources();
  try {
    const teacher = owned.own(await openTeacher(run));
    const corpus = owned.own(await openCorpus(run, teacher?.reader));
    const stored = await openStoredTargets(run, teacher?.reader, corpus.images);
    for (const targets of Object.values(stored)) owned.own(targets);
    const unlabelled =
      stored.unlabelled === undefined
        ? owned.own(await UnlabelledSources.open(run, teacher?.reader))
        : undefined;
    const cache = teacher && owned.own(await openGoldCache(run, teacher, corpus));
    return {
      corpus,
      stored,
      unlabelled,
      teacher: teacher && (await teacherOf(run, teacher, cache)),
      onPolicy: owned.own(new OnPolicyTargets(run.settings)),
      teacherParameters: teacher?.teacher.parameters,
      close: () => owned.close(),
    };
  } catch (error) {
    await owned.close();
    throw error;
  }
}
