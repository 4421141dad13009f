/**
 *
 * Drafts that are copied from the source or from earlier in the answer.
 *
 * Source: Saxena 2023, "Prompt lookup decoding"; Ge et al. 2022 (arXiv:2205.10350) for answers that follow their source: they begin with it and
 * continue with it after every difference.
 */

/** Maximum suffix of the answer that is searched for [tokens]. */
const LONGEST_MATCH = 8;

/** Ids to copy from. */
export interface CopySource {
  readonly source: readonly number[];
  /** Maximum number of tokens copied at once. */
  readonly most: number;
  /** Whether an answer may begin like its source. If so, the beginning of the source is drafted before anything is generated. */
  readonly fromStart?: boolean | undefined;
}

/** Copies what followed the last tokens of the answer in the source, or earlier in the answer. */
export class CopyDrafter {
  readonly #from: CopySource;

  constructor(from: CopySource) {
    this.#from = from;
  }

  draft(answer: readonly number[], room: number): readonly number[] {
    const { source, most, fromStart = false } = this.#from;
    const count = Math.max(0, Math.min(most, room));
    if (answer.length > 0) return draftByPromptLookup(source, answer, count);
    return fromStart ? source.slice(0, count) : [];
  }
}

/**
 *
 * Searches for the longest suffix of the answer in the source and earlier in the answer, and drafts at most `count` tokens after the match.
 * Without a match there are none. Of equally long matches, one in the source wins: the one nearest to where a copy of the source would be. In the
 * answer the latest match wins.
 */
export function draftByPromptLookup(
  source: readonly number[],
  answer: readonly number[],
  count: number,
): readonly number[] {
  const found = { ids: source, at: 0, length: 0 };
  let distance = Infinity;
  for (let at = 1; at < source.length; at++) {
    const length = commonSuffix(source, at, answer);
    const off = Math.abs(at - answer.length);
    if (length < found.length || (length === found.length && off >= distance)) continue;
    if (length > 0) [found.at, found.length, distance] = [at, length, off];
  }
  for (let at = answer.length - 1; at > 0 && found.length < LONGEST_MATCH; at--) {
    const length = commonSuffix(answer, at, answer);
    if (length > found.length) [found.ids, found.at, found.length] = [answer, at, length];
  }
  return found.length === 0 ? [] : found.ids.slice(found.at, found.at + count);
}

/** Number of ids before `at` that equal the last ids of the answer, at most the longest match. */
function commonSuffix(ids: readonly number[], at: number, answer: readonly number[]): number {
  const most = Math.min(LONGEST_MATCH, at, answer.length);
  let length = 0;
  while (length < most && ids[at - 1 - length] === answer[answer.length - 1 - length]) length++;
  return length;
}
