/** The teacher's own greedy answers to dev rows. */
import { isLabellerDirectory, loadTeachers, teacherTokenizer } from "@slm/teacher";
import type { DevRow } from "@slm/training";
import type { DistillInputs } from "../distill-inputs.js";
import { greedyAnswers } from "../greedy-answers.js";

/**
 * One answer per row, see {@link greedyAnswers}. Undefined without a teacher, and for a server or a program, whose answers may cost
 * money: its stored labels are compared all the same.
 *
 * @throws SlmError as `loadTeachers`, INTERRUPTED between batches.
 */
export async function teacherAnswers(
  { teacherDirectory: directory, engine, context }: DistillInputs,
  rows: readonly DevRow[],
): Promise<readonly string[] | undefined> {
  if (directory === undefined || isLabellerDirectory(directory)) return undefined;
  const tokenizer = await teacherTokenizer(directory);
  const teacher = await loadTeachers(engine, directory);
  try {
    return await greedyAnswers({ teacher, tokenizer, rows, signal: context.signal });
  } finally {
    await teacher.close();
  }
}
