/** How far questions give away their answers. */
import type { Question } from "./question.js";

export interface Guess {
  readonly kind: string;
  readonly rows: number;
  /** Share of rows that the best guess without the picture has right. */
  readonly right: number;
}

/** How often each answer was given. */
type Answers = Map<string, number>;

/**
 * What one who has seen all answers of `known` but never a picture gets right of `asked`: to a question asked in the same words
 * before, the answer it had most often; to any other, the most frequent answer of its kind.
 */
export function guessWithoutPicture(
  known: readonly Question[],
  asked: readonly Question[],
): readonly Guess[] {
  const bySource = new Map<string, Answers>();
  const byKind = new Map<string, Answers>();
  for (const { kind, source, target } of known) {
    count(bySource, source, target);
    count(byKind, kind, target);
  }
  const results = new Map<string, { rows: number; right: number }>();
  for (const { kind, source, target } of asked) {
    const result = results.get(kind) ?? { rows: 0, right: 0 };
    results.set(kind, result);
    result.rows++;
    if (mostFrequent(bySource.get(source) ?? byKind.get(kind)) === target) result.right++;
  }
  return [...results].map(([kind, { rows, right }]) => ({ kind, rows, right: right / rows }));
}

function count(counts: Map<string, Answers>, key: string, answer: string): void {
  const answers = counts.get(key) ?? new Map<string, number>();
  counts.set(key, answers);
  answers.set(answer, (answers.get(answer) ?? 0) + 1);
}

function mostFrequent(answers: Answers | undefined): string | undefined {
  return answers === undefined ? undefined : [...answers].sort((a, b) => b[1] - a[1])[0]?.[0];
}
