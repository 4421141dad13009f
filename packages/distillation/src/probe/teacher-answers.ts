/** The teacher's own greedy answers to dev rows. */
import { textRow } from "@slm/data";
import { decodeSources, loadTeachers, teacherTokenizer } from "@slm/teacher";
import type { DevRow } from "@slm/training";
import type { DistillInputs } from "../distill-inputs.js";

/**
 * One answer per row; an empty one where the source is longer than the teacher's limit. Undefined without a teacher.
 *
 * @throws SlmError as `loadTeachers`, INTERRUPTED between batches.
 */
export async function teacherAnswers(
  { teacherDirectory: directory, engine, context }: DistillInputs,
  rows: readonly DevRow[],
): Promise<readonly string[] | undefined> {
  if (directory === undefined) return undefined;
  const tokenizer = await teacherTokenizer(directory);
  const teacher = await loadTeachers(engine, directory);
  try {
    const sources = rows.map((row) => Int32Array.from(tokenizer.encodeSource(textRow(row).source)));
    const fitting = sources.flatMap((tokens, row) =>
      tokens.length <= teacher.config.maxSource ? [row] : [],
    );
    const decoded = await decodeSources({
      teacher,
      sources: fitting.map((row) => sources[row]!),
      strategy: { kind: "greedy" },
      random: () => 0,
      signal: context.signal,
    });
    const answers = new Array<string>(rows.length).fill("");
    fitting.forEach((row, index) => (answers[row] = tokenizer.decode(decoded[index]!.tokens)));
    return answers;
  } finally {
    await teacher.close();
  }
}
