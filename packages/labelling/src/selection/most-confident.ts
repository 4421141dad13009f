/** Which rows of a file are the most confident ones: the rows are read once, and memory is two numbers and a flag a row. */
import { SlmError } from "@slm/core";
import type { TeacherRow } from "@slm/teacher";

/**
 * The rows among the `count` most confident ones, as one flag per row. Rows with a utility are compared by it, others by their agreement;
 * then by their score; equal rows keep their order.
 *
 * @throws SlmError CONFIG_INVALID for a row without any of them
 */
export async function mostConfident(rows: AsyncIterable<TeacherRow>, count: number): Promise<Uint8Array> {
  const first: number[] = [];
  const second: number[] = [];
  for await (const { utility, agreement, score } of rows) {
    const value = utility ?? agreement ?? score;
    if (value === undefined) throw withoutConfidence();
    first.push(value);
    second.push(score ?? -Infinity);
  }
  const order = Int32Array.from(first.keys()).sort(
    (a, b) => first[b]! - first[a]! || compare(second[b]!, second[a]!) || a - b,
  );
  const isKept = new Uint8Array(first.length);
  for (const row of order.subarray(0, count)) isKept[row] = 1;
  return isKept;
}

/** Subtraction would make NaN of two infinities. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

const withoutConfidence = (): SlmError =>
  new SlmError(
    "CONFIG_INVALID",
    "cache: unlabelled.keepFraction needs log-probabilities, samples or several teachers, but the teacher gives single answers " +
      "without log-probabilities",
    { suggestions: ["--set cache.unlabelled.strategy=selfConsistency"] },
  );
