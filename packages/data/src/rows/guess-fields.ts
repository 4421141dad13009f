/** Guesses which columns of a file are source and target, for hints and new recipes. Guesses are never used to read a file. */

/** Common column names of the two sides in public data sets, most specific first. */
const USUAL_NAMES = {
  source: [
    "source",
    "input",
    "question",
    "prompt",
    "instruction",
    "text",
    "sentence",
    "query",
    "utterance",
    "document",
    "article",
    "src",
  ],
  target: [
    "target",
    "output",
    "answer",
    "completion",
    "response",
    "label",
    "summary",
    "translation",
    "intent",
    "tgt",
  ],
} as const;

/** Column of each side; a side that cannot be guessed is undefined. */
export interface GuessedFields {
  readonly source?: string | undefined;
  readonly target?: string | undefined;
}

/**
 * Finds columns by common names, in any case. If there are two columns and one is found, the other column is the other side. If neither is
 * found, the two columns are source and target in this order.
 */
export function guessFields(columns: readonly string[]): GuessedFields {
  const usual = (side: keyof typeof USUAL_NAMES): string | undefined =>
    USUAL_NAMES[side].flatMap((name) => columns.filter((column) => column.toLowerCase() === name))[0];
  const [source, target] = [usual("source"), usual("target")];
  if (columns.length !== 2) return { source, target };
  const other = (one: string | undefined): string | undefined =>
    one === undefined ? undefined : columns.find((column) => column !== one);
  if (source === undefined && target === undefined) return { source: columns[0], target: columns[1] };
  return { source: source ?? other(target), target: target ?? other(source) };
}
