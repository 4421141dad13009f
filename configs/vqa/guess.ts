/** Measures how well answers can be guessed from the questions alone. */
import type { Question } from "./question.js";

/** As far as guessing goes. */
type Asked = Omit<Question, "rationale">;

export interface Guess {
  readonly kind: string;
  readonly rows: number;
  /** Share of rows that the best guess without the picture has right. */
  readonly right: number;
}

/** How often each answer was given. */
type Answers = Map<string, number>;

interface Known {
  readonly bySource: Map<string, Answers>;
  readonly byKind: Map<string, Answers>;
}

/** Ways to guess; each gives an answer to a question of which nothing but the words is known. */
const STRATEGIES: readonly ((question: Asked, known: Known) => string | undefined)[] = [
  // What the same words were answered with most often, else what the kind was.
  ({ kind, source }, { bySource, byKind }) => mostFrequent(bySource.get(source) ?? byKind.get(kind)),
  ({ kind }, { byKind }) => mostFrequent(byKind.get(kind)),
  // The first or the last answer of the kind that the question names.
  ({ kind, source }, { byKind }) => namedIn(source, byKind.get(kind)).at(0),
  ({ kind, source }, { byKind }) => namedIn(source, byKind.get(kind)).at(-1),
];

/**
 * What one who has seen all answers of `known` but never a picture gets right of `asked`, kind by kind, with the way to guess that
 * turns out best.
 */
export function guessWithoutPicture(known: readonly Asked[], asked: readonly Asked[]): readonly Guess[] {
  const seen: Known = { bySource: new Map(), byKind: new Map() };
  for (const { kind, source, target } of known) {
    count(seen.bySource, source, target);
    count(seen.byKind, kind, target);
  }
  const kinds = [...new Set(asked.map(({ kind }) => kind))];
  return kinds.map((kind) => {
    const own = asked.filter((question) => question.kind === kind);
    const hits = STRATEGIES.map(
      (guess) => own.filter((question) => guess(question, seen) === question.target).length,
    );
    return { kind, rows: own.length, right: Math.max(...hits) / own.length };
  });
}

/** Answers that stand in a question, in the order in which they do. */
function namedIn(source: string, answers: Answers | undefined): readonly string[] {
  return [...(answers?.keys() ?? [])]
    .filter((answer) => source.includes(answer))
    .sort((a, b) => source.indexOf(a) - source.indexOf(b));
}

function count(counts: Map<string, Answers>, key: string, answer: string): void {
  const answers = counts.get(key) ?? new Map<string, number>();
  counts.set(key, answers);
  answers.set(answer, (answers.get(answer) ?? 0) + 1);
}

function mostFrequent(answers: Answers | undefined): string | undefined {
  return answers === undefined ? undefined : [...answers].sort((a, b) => b[1] - a[1])[0]?.[0];
}
