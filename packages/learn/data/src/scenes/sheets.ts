/**
 * Sheets: several questions about one picture in one row, each behind a word that its answer repeats. It is read once for all of
 * them, and a row tells a model as much as many rows would.
 *
 *   "first how many red shapes are there? second what colour is the star?" -> "first 1 second red"
 */
import type { Question } from "./question.js";

/** What questions are told apart by; none of these words stands in a question. */
const ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"] as const;

/** Most questions of a sheet; it has two or more. */
export const LONGEST_SHEET = ORDINALS.length;

/** @param questions {@link LONGEST_SHEET} of them at most */
export function sheetOf(questions: readonly Question[]): Question {
  const joined = (part: "source" | "target"): string =>
    questions.map((question, index) => `${ORDINALS[index]!} ${question[part]}`).join(" ");
  return { kind: "sheet", source: joined("source"), target: joined("target") };
}
