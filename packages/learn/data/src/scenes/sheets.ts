/**
 * Sheets: many questions about one picture in one row, each behind a word that its answer repeats, and at the end all that the
 * picture shows. It is read once for all of them, and a row tells a model as much as many rows would. What it shows comes last, so
 * that answers are read off the picture and not off its description.
 *
 *   "first how many red shapes are there? second what colour is the star? last describe the picture."
 *     -> "first 1 second red last northwest small red star north nothing ..."
 */
import type { Question } from "./question.js";

/** What questions are told apart by; none of these words stands in a question. */
const ORDINALS = [
  "first",
  "second",
  "third",
  "fourth",
  "fifth",
  "sixth",
  "seventh",
  "eighth",
  "last",
] as const;

/** Questions of a sheet, besides the one for its description. */
export const SHEET_LENGTH = ORDINALS.length - 1;

/** @param questions {@link SHEET_LENGTH} of them */
export function sheetOf(questions: readonly Question[], description: Question): Question {
  const joined = (part: "source" | "target"): string =>
    [...questions, description].map((asked, index) => `${ORDINALS[index]!} ${asked[part]}`).join(" ");
  return { kind: "sheet", source: joined("source"), target: joined("target") };
}
