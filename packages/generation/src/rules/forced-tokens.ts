/** Ids that a model's generation settings force or forbid. Source: transformers 4.57, generation/logits_process.py. */

/** Allows only one id, with the score 0. */
export function allowOnly(scores: Float32Array, id: number): void {
  scores.fill(-Infinity);
  scores[id] = 0;
}

/**
 * Forbids ids that would complete an n-gram of `size` ids that occurs in `earlier`. A size of 0 forbids none.
 *
 * @param earlier default: the sequence itself, so that no n-gram occurs twice
 */
export function forbidRepeats(
  scores: Float32Array,
  sequence: readonly number[],
  size: number,
  earlier: readonly number[] = sequence,
): void {
  const prefix = size - 1;
  if (prefix < 0 || sequence.length < prefix) return;
  const from = sequence.length - prefix;
  for (let start = 0; start + prefix < earlier.length; start++) {
    let isSame = true;
    for (let at = 0; at < prefix && isSame; at++) isSame = earlier[start + at] === sequence[from + at];
    if (isSame) scores[earlier[start + prefix]!] = -Infinity;
  }
}

/** Forbids the last id of every bad word whose other ids were just fed. As in transformers, words longer than the sequence so far are ignored. */
export function forbidWords(
  scores: Float32Array,
  sequence: readonly number[],
  words: readonly (readonly number[])[],
): void {
  for (const word of words) {
    const prefix = word.length - 1;
    if (prefix > 0 && word.length > sequence.length) continue;
    if (word.slice(0, -1).every((id, at) => sequence[sequence.length - prefix + at] === id))
      scores[word[prefix]!] = -Infinity;
  }
}
