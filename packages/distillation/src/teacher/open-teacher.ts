/** Loads the teacher and checks that it has the student's vocabulary. */
import { SlmError } from "@slm/core";
import { cacheRowKinds, isLabellerDirectory, loadTeachers, type Teacher } from "@slm/teacher";
import type { TeacherReader } from "../sources/corpus.js";
import { requiresTeacher, type StoredKinds } from "../config/distill-config.js";
import type { DistillInputs, DistillRun } from "../config/distill-inputs.js";
import { rejectLabeller } from "./reject-labeller.js";
import { sharedVocabulary } from "./vocabulary.js";

export interface OpenTeacher {
  readonly teacher: Teacher;
  readonly directory: string;
  /** How it reads rows. */
  readonly reader: TeacherReader;
  close(): Promise<void>;
}

/** The stored targets; empty without a cache. */
export async function storedKinds({
  cacheDirectory,
}: Pick<DistillInputs, "cacheDirectory">): Promise<StoredKinds> {
  return cacheDirectory === undefined ? new Set() : cacheRowKinds(cacheDirectory);
}

/**
 * Loads the teacher; undefined if neither a term nor a target requires it.
 *
 * @throws SlmError INPUT_MISSING if it is missing, CONFIG_INVALID for a server or a program, SHAPE_MISMATCH if
 * its vocabulary differs from the student's, and errors of loading.
 */
export async function openTeacher(run: DistillRun): Promise<OpenTeacher | undefined> {
  const { settings, inputs, files } = run;
  const { teacherDirectory: directory, engine } = inputs;
  if (!requiresTeacher(settings, await storedKinds(inputs))) return undefined;
  if (directory === undefined) {
    throw new SlmError(
      "INPUT_MISSING",
      "distill: the loss or the targets require a teacher, but the recipe has none",
      {
        suggestions: [
          "learn only from labels: --set distill.loss.forwardKl=0 --set distill.loss.crossEntropy=1",
        ],
      },
    );
  }
  if (isLabellerDirectory(directory)) throw await rejectLabeller(run, directory);
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
