/**
 * Drafts that are copied from the source or from the answer itself.
 *
 * Source: Saxena 2023, "Prompt lookup decoding"; Ge et al. 2022 (arXiv:2205.10350) for answers that follow their source: they begin with it, and
 * go on with it behind every difference.
 */

/** Longest suffix of the answer that is searched for [tokens]. */
const LONGEST_MATCH = 8;

/** Ids to copy from. */
export interface CopyRule {
  readonly source: readonly number[];
  /** Largest number of tokens copied at once. */
  readonly most: number;
  /** Whether an answer may begin as its source does, which is then drafted before anything is generated. */
  readonly fromStart?: boolean | undefined;
}

/** What is drafted before the first token: the beginning of the source, where answers may have it, at most `room` tokens. */
export const firstDrafts = (rule: CopyRule | undefined, room: number): readonly number[] =>
  rule?.fromStart === true ? rule.source.slice(0, Math.max(0, Math.min(rule.most, room))) : [];

/**
 * Draft tokens: searches for the suffix of the answer in the source and earlier in the answer, and copies the tokens after the match, at most
 * `count`. Without a match there are none. The longest match wins; of equal ones that in the source, there the one nearest to where a
 * copy of the source would stand, and in the answer the latest.
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

/** How many of the ids before `at` are those at the end of the answer, at most the longest match. */
function commonSuffix(ids: readonly number[], at: number, answer: readonly number[]): number {
  const most = Math.min(LONGEST_MATCH, at, answer.length);
  let length = 0;
  while (length < most && ids[at - 1 - length] === answer[answer.length - 1 - length]) length++;
  return length;
}
