/** Fewest insertions, deletions and substitutions that turn one token sequence into another (Levenshtein 1966), and "did you mean". */

type Token = string | number;

/**
 * Edit distance of two token sequences. Every operation costs one.
 *
 * Time is O(a.length * b.length) without the common start and end; memory is two rows of the shorter sequence. Accepts typed arrays, number
 * arrays and string arrays, and compares tokens with `===`.
 *
 * @example editDistance(["K", "AE", "T"], ["K", "AH", "T", "S"]) // 2
 */
export function editDistance<T extends Token>(a: ArrayLike<T>, b: ArrayLike<T>): number {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  let start = 0;
  while (start < short.length && long[start] === short[start]) start++;
  let longEnd = long.length;
  let shortEnd = short.length;
  while (shortEnd > start && long[longEnd - 1] === short[shortEnd - 1]) {
    longEnd--;
    shortEnd--;
  }
  const width = shortEnd - start;
  if (width === 0) return longEnd - start;

  let previous = new Uint32Array(width + 1);
  let current = new Uint32Array(width + 1);
  for (let column = 0; column <= width; column++) previous[column] = column;
  for (let row = start; row < longEnd; row++) {
    const token = long[row];
    current[0] = row - start + 1;
    for (let column = 1; column <= width; column++) {
      const substitution = previous[column - 1]! + (token === short[start + column - 1] ? 0 : 1);
      const gap = Math.min(previous[column]!, current[column - 1]!) + 1;
      current[column] = Math.min(substitution, gap);
    }
    [previous, current] = [current, previous];
  }
  return previous[width]!;
}

/** The nearest of `known` by edit distance, or undefined if none is close enough. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 2.5));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}
