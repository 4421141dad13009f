/** Flags that make rejected lines rows: the settings of the `data` section that people forget, as they are written on a command line. */
import { guessFields } from "./guess-fields.js";
import type { Rejection } from "./row.js";

/** Hints that do not depend on the file. */
export const HINTS = {
  encoding: "--set data.encoding=latin1",
  delimiter: 'write fields that hold the delimiter in quotes, or --set "data.delimiter=;"',
  document: "--set data.format=json",
  columns: '--set "data.columns=[source, target]"',
} as const;

/**
 * The setting that says which columns are source and target.
 *
 * @param columns names of the columns that a file has
 * @example fieldsHint(["id", "question", "answer"]) // --set "data.fields={source: question, target: answer}"
 */
export function fieldsHint(columns: readonly string[]): string {
  const { source = "COLUMN", target = "COLUMN" } = guessFields(columns);
  return `--set "data.fields={source: ${inYaml(source)}, target: ${inYaml(target)}}"`;
}

/** A name as a YAML scalar inside double quotes of a shell. */
function inYaml(name: string): string {
  return /^[\p{L}\p{N}_.-]+$/u.test(name) ? name : `'${name.replaceAll("'", "''")}'`;
}

/** The hints of rejected lines, each once. */
export function hintsOf(rejections: readonly Rejection[]): readonly string[] {
  return [...new Set(rejections.flatMap(({ hint }) => (hint === undefined ? [] : [hint])))];
}
