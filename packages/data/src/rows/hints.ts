/** Command-line flags for `data` settings that users often forget, and that would make rejected lines usable. */
import { guessFields } from "./guess-fields.js";
import type { Rejection } from "./row.js";

/** Hints that do not depend on the file. */
export const HINTS = {
  encoding: "--set data.encoding=latin1",
  delimiter: 'quote fields that contain the delimiter, or --set "data.delimiter=;"',
  document: "--set data.format=json",
  columns: '--set "data.columns=[source, target]"',
} as const;

/**
 * The flag that maps columns to source and target.
 *
 * @param columns column names of a file
 * @example fieldsHint(["id", "question", "answer"]) // --set "data.fields={source: question, target: answer}"
 */
export function fieldsHint(columns: readonly string[]): string {
  const { source = "COLUMN", target = "COLUMN" } = guessFields(columns);
  return `--set "data.fields={source: ${inYaml(source)}, target: ${inYaml(target)}}"`;
}

/** A name as a YAML scalar within a shell's double quotes. */
function inYaml(name: string): string {
  return /^[\p{L}\p{N}_.-]+$/u.test(name) ? name : `'${name.replaceAll("'", "''")}'`;
}

/** The distinct hints of rejected lines. */
export function hintsOf(rejections: readonly Rejection[]): readonly string[] {
  return [...new Set(rejections.flatMap(({ hint }) => (hint === undefined ? [] : [hint])))];
}
