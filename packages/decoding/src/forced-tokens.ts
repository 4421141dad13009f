/** Ids that a model's generation settings force or forbid. Source: transformers 4.57, generation/logits_process.py. */

/** Leaves one id, with the score 0. */
export function allowOnly(scores: Float32Array, id: number): void {
  scores.fill(-Infinity);
  scores[id] = 0;
}

/** Forbids ids that would end a sequence of `size` ids for the second time; 0: none. */
export function forbidRepeats(scores: Float32Array, sequence: readonly number[], size: number): void {
  const prefix = size - 1;
  if (prefix < 0 || sequence.length < size) return;
  const from = sequence.length - prefix;
  for (let start = 0; start + prefix < sequence.length; start++) {
    let isSame = true;
    for (let at = 0; at < prefix && isSame; at++) isSame = sequence[start + at] === sequence[from + at];
    if (isSame) scores[sequence[start + prefix]!] = -Infinity;
  }
}

/** Forbids the last id of every word whose others were just fed. Words longer than the sequence so far are left, as there. */
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
