/**
 * Prompt lookup: drafts that are copied from the source or from the answer itself.
 *
 * Source: Saxena 2023, "Prompt lookup decoding".
 */

/** Longest suffix of the answer that is searched for [tokens]. */
const LONGEST_MATCH = 3;

/**
 * Draft tokens: searches for the suffix of the answer earlier in the answer and in the source, and copies the tokens after the
 * match, at most `count`. Without a match there are none. The longest match wins, then the latest in the answer, then the first in
 * the source.
 */
export function draftByPromptLookup(
  source: readonly number[],
  answer: readonly number[],
  count: number,
): readonly number[] {
  for (let length = Math.min(LONGEST_MATCH, answer.length); length > 0; length--) {
    const end = answer.slice(-length);
    const stands = (ids: readonly number[], at: number): boolean =>
      end.every((id, step) => ids[at + step] === id);
    for (let at = answer.length - length - 1; at >= 0; at--)
      if (stands(answer, at)) return answer.slice(at + length, at + length + count);
    for (let at = 0; at + length < source.length; at++)
      if (stands(source, at)) return source.slice(at + length, at + length + count);
  }
  return [];
}

/**
 * Drafts of a decoder's heads and copied ones together: what is copied is taken where it goes on further and begins as the heads' do. Heads
 * that draft nothing contradict nothing.
 */
export function joinDrafts(heads: readonly number[], copied: readonly number[]): readonly number[] {
  const isAgreed = heads.length === 0 || copied[0] === heads[0];
  return isAgreed && copied.length > heads.length ? copied : heads;
}
