/** Measures how well answers can be guessed from the questions alone. */
import type { Question } from "./question.js";

/** The parts of a row that a guess uses. */
type Asked = Omit<Question, "rationale">;

export interface Guess {
  readonly kind: string;
  readonly rows: number;
  /** Share of rows for which the best guess without the image is correct. */
  readonly right: number;
}

/** Counts of answers. */
type Answers = Map<string, number>;

interface Known {
  readonly bySource: Map<string, Answers>;
  readonly byKind: Map<string, Answers>;
}

/** Ways to guess an answer from only the words of the question. */
const STRATEGIES: readonly ((question: Asked, known: Known) => string | undefined)[] = [
  // The most frequent answer for the same words, otherwise for the kind.
  ({ kind, source }, { bySource, byKind }) => mostFrequent(bySource.get(source) ?? byKind.get(kind)),
  ({ kind }, { byKind }) => mostFrequent(byKind.get(kind)),
  // The first or the last answer of the kind that the question contains.
  ({ kind, source }, { byKind }) => namedIn(source, byKind.get(kind)).at(0),
  ({ kind, source }, { byKind }) => namedIn(source, byKind.get(kind)).at(-1),
];

/**
 * The accuracy per kind on `asked` of a guess that knows all answers of `known` but no images. Uses the best way to guess
 * for each kind.
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

/** Answers that occur in a question, in order. */
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
