/** Guesses which columns of a file are source and target, for hints and for new recipes. Nothing is read by a guess. */

/** Names that data sets on the Hub and in papers give to the two sides, most telling first. */
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

/** Columns by side; a side that no name tells is left out. */
export interface GuessedFields {
  readonly source?: string | undefined;
  readonly target?: string | undefined;
}

/** Names of columns that number or name rows. */
const IDS = /^(?:|#|(?:.*[_ -])?id|uuid|guid|idx|index|row|unnamed.*)$/iu;

/** The columns that may be a source or a target: those that do not look like ids, or all if fewer than two are left. */
export function textColumns(columns: readonly string[]): readonly string[] {
  const others = columns.filter((column) => !IDS.test(column.trim()));
  return others.length < 2 ? columns : others;
}

/**
 * The columns whose names are usual for a side, in any case. Columns that look like ids are left out. Of two columns, one that is left over is the other side; with no usual name
 * they are source and target in their order.
 */
export function guessFields(all: readonly string[]): GuessedFields {
  const columns = textColumns(all);
  const usual = (side: keyof typeof USUAL_NAMES): string | undefined =>
    USUAL_NAMES[side].flatMap((name) => columns.filter((column) => column.toLowerCase() === name))[0];
  const [source, target] = [usual("source"), usual("target")];
  if (columns.length !== 2) return { source, target };
  const other = (one: string | undefined): string | undefined =>
    one === undefined ? undefined : columns.find((column) => column !== one);
  if (source === undefined && target === undefined) return { source: columns[0], target: columns[1] };
  return { source: source ?? other(target), target: target ?? other(source) };
}
