/** Longest common subsequences: their length, and the tokens that ROUGE-Lsum selects. */
import { SlmError } from "@slm/core/errors";

/** Largest table [cells of one byte]: enough for two texts of 16 thousand tokens. */
const MAX_CELLS = 2 ** 28;

/** Step back from a cell of the table. */
const MATCH = 0;
const DROP_B = 1;
const DROP_A = 2;

/** Length of the longest common subsequence. Time O(a.length * b.length), memory one row. */
export function commonLength(a: readonly string[], b: readonly string[]): number {
  const lengths = new Uint32Array(b.length + 1);
  for (const token of a) advanceRow(lengths, token, b);
  return lengths[b.length]!;
}

/**
 * Indices into `a` of one longest common subsequence, descending. If there are several, it is the one of `rouge-score`:
 * backtracking from the ends of both, it matches equal tokens, else drops the last token of `b` if that keeps more than
 * dropping the last token of `a`.
 *
 * @throws SlmError DATA_INVALID if both together are too long for the table.
 */
export function commonIndices(a: readonly string[], b: readonly string[]): readonly number[] {
  const width = b.length;
  if (a.length * width > MAX_CELLS) {
    throw new SlmError(
      "DATA_INVALID",
      `metrics: expected sentences of at most ${MAX_CELLS} pairs of tokens, got ${a.length} times ${width} tokens`,
      { context: { tokens: [a.length, width] } },
    );
  }
  const steps = new Uint8Array(a.length * width);
  const lengths = new Uint32Array(width + 1);
  a.forEach((token, row) => {
    advanceRow(lengths, token, b, steps.subarray(row * width, (row + 1) * width));
  });
  const indices: number[] = [];
  let row = a.length - 1;
  let column = width - 1;
  while (row >= 0 && column >= 0) {
    const step = steps[row * width + column]!;
    if (step === MATCH) indices.push(row);
    if (step !== DROP_B) row--;
    if (step !== DROP_A) column--;
  }
  return indices;
}

/** Lengths for one more token of `a`, in place: `lengths[j]` belongs to the first j tokens of `b`. */
function advanceRow(lengths: Uint32Array, token: string, b: readonly string[], steps?: Uint8Array): void {
  let diagonal = 0;
  for (let column = 0; column < b.length; column++) {
    const withoutA = lengths[column + 1]!;
    const withoutB = lengths[column]!;
    const isMatch = token === b[column];
    lengths[column + 1] = isMatch ? diagonal + 1 : Math.max(withoutA, withoutB);
    if (steps !== undefined) steps[column] = isMatch ? MATCH : withoutB > withoutA ? DROP_B : DROP_A;
    diagonal = withoutA;
  }
}
