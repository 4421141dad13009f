/** Derives the answer from the words of a rationale and a question, for tests. Shares no code with the generator. */
import type { Question } from "../question.js";

type Rule = (words: readonly string[], source: string) => string | undefined;

const last = (words: readonly string[], back = 1): string => words.at(-back)!;
/** Like {@link last}, but only for numbers, because empty cells may follow the last mark. */
const lastNumber = (words: readonly string[], back = 1): string =>
  last(
    words.filter((word) => /^\d+$/.test(word)),
    back,
  );
/** The word at a distance before a mark. */
const before = (words: readonly string[], mark: string, back: number): string | undefined =>
  words.includes(mark) ? words[words.indexOf(mark) - back] : undefined;
const yesNo = (isSo: boolean): string => (isSo ? "yes" : "no");

const COLUMNS: readonly RegExp[] = [/west/, /^(north|centre|south)$/, /east/];
const ROWS: readonly RegExp[] = [/north/, /^(west|centre|east)$/, /south/];
const placeIn = (lines: readonly RegExp[], cell: string): number =>
  lines.findIndex((line) => line.test(cell));

/** Whether the first of two cells is on a side of the second; undefined if both are in the same row or column. */
function lies(one: string, side: string, other: string): string | undefined {
  const lines = side === "above" || side === "below" ? ROWS : COLUMNS;
  const distance = placeIn(lines, one) - placeIn(lines, other);
  return distance === 0 ? undefined : yesNo(distance < 0 === (side === "left of" || side === "above"));
}

const RULES: Readonly<Record<string, Rule>> = {
  colour: (words) => before(words, "yes", 2),
  figure: (words) => before(words, "yes", -1),
  value: (words) => before(words, "yes", 1),
  exists: (words) => yesNo(words.some((word, at) => word === "yes" && words[at - 2] === "yes")),
  count: (words) => lastNumber(words),
  bars: (words) => last(words),
  extreme: (words) => last(words, 2),
  compare: (words) => yesNo(lastNumber(words, 2) > lastNumber(words)),
  more: (words) => yesNo(Number(last(words, 2)) > Number(last(words))),
  difference: (words) => String(Math.abs(Number(last(words, 2)) - Number(last(words)))),
  relation: (words, source) =>
    lies(last(words, 2), /left of|right of|above|below/.exec(source)![0], last(words)),
  size: (words, source) => {
    const isFirst = last(words, 2) === (source.includes("larger") ? "large" : "small");
    const mark = isFirst ? "first" : "second";
    // The mark after the figure includes the size; the mark after the colour does not.
    const at = words.findIndex((word, place) => word === mark && /^(small|large)$/.test(words[place + 1]!));
    return `${words[at - 3]!} ${words[at - 1]!}`;
  },
};

/** The conclusion. Returns the given answer if the shapes are too close for their cells to determine the direction. */
export function conclude({ kind, source, target, rationale }: Question): string {
  return RULES[kind]!(rationale.split(" "), source) ?? (kind === "relation" ? target : "nothing");
}
