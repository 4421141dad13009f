/** Loads the teacher, and requires it to have the student's vocabulary. */
import { SlmError } from "@slm/core";
import { cacheRowKinds, isLabellerDirectory, loadTeachers, type Teacher } from "@slm/teacher";
import type { TeacherReader } from "../sources/corpus.js";
import { requiresTeacher, type StoredKinds } from "../config/distill-config.js";
import type { DistillInputs, DistillRun } from "../config/distill-inputs.js";
import { openStoredTeacher } from "./stored-teacher.js";
import { sharedVocabulary } from "./vocabulary.js";

export interface OpenTeacher {
  readonly teacher: Teacher;
  readonly directory: string;
  /** How it reads rows. */
  readonly reader: TeacherReader;
  close(): Promise<void>;
}

/** The targets that the cache has stored; none without a cache. */
export async function storedKinds({
  cacheDirectory,
}: Pick<DistillInputs, "cacheDirectory">): Promise<StoredKinds> {
  return cacheDirectory === undefined ? new Set() : cacheRowKinds(cacheDirectory);
}

/**
 * The teacher, loaded; undefined where neither a term nor a target requires it.
 *
 * @throws SlmError INPUT_MISSING if none is given, CONFIG_INVALID for a server or program whose stored answers are not enough, SHAPE_MISMATCH for another vocabulary than the student's, and what loading throws.
 */
export async function openTeacher(run: DistillRun): Promise<OpenTeacher | undefined> {
  const { settings, inputs, files } = run;
  const { teacherDirectory: directory, engine } = inputs;
  if (!requiresTeacher(settings, await storedKinds(inputs))) return undefined;
  if (directory === undefined) {
    throw new SlmError(
      "INPUT_MISSING",
      "distill: the loss or the targets need a teacher, but none is given",
      {
        suggestions: [
          "learn from labels alone: --set distill.loss.forwardKl=0 --set distill.loss.crossEntropy=1",
        ],
      },
    );
  }
  if (isLabellerDirectory(directory)) return openStoredTeacher(run, directory);
  const teacher = await loadTeachers(engine, directory);
  try {
    const { config } = teacher;
    const check = { student: files, teacherDirectory: directory, teacherConfig: config };
    const reader = { limits: config, tokenizer: await sharedVocabulary(check) };
    return { teacher, directory, reader, close: () => teacher.close() };
  } catch (error) {
    await teacher.close();
    throw error;
  }
}
