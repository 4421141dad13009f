/** "Did you mean": finds the known word closest to a misspelt one. */
import { editDistance } from "@slm/core/edit-distance";

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
