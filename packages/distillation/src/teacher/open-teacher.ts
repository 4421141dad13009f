/** Loads the teacher and checks that it has the student's vocabulary. */
import { SlmError } from "@slm/core";
import { isLabellerDirectory, loadTeachers, type Teacher } from "@slm/teacher";
import type { TeacherReader } from "../sources/corpus.js";
import { requiresTeacher } from "../config/distill-config.js";
import type { DistillRun } from "../config/distill-inputs.js";
import { rejectLabeller } from "./reject-labeller.js";
import { sharedVocabulary } from "./vocabulary.js";

export interface OpenTeacher {
  readonly teacher: Teacher;
  readonly directory: string;
  /** How it reads rows. */
  readonly reader: TeacherReader;
  close(): Promise<void>;
}

/**
 * Loads the teacher; undefined if no term requires it.
 *
 * @throws SlmError INPUT_MISSING if it is missing, CONFIG_INVALID for a server or a program, SHAPE_MISMATCH if
 * its vocabulary differs from the student's, and errors of loading.
 */
export async function openTeacher(run: DistillRun): Promise<OpenTeacher | undefined> {
  const { settings, inputs, files } = run;
  const { teacherDirectory: directory, engine } = inputs;
  if (!requiresTeacher(settings)) return undefined;
  if (directory === undefined) {
    throw new SlmError("INPUT_MISSING", "distill: the loss requires a teacher, but the recipe has none", {
      suggestions: [
        "learn only from labels: --set distill.loss.forwardKl=0 --set distill.loss.crossEntropy=1",
      ],
    });
  }
  if (isLabellerDirectory(directory)) throw rejectLabeller(settings, directory);
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
