/** Differences of tensors, for comparisons with references. */
import { SlmError } from "@slm/core";
import type { HostTensor } from "@slm/runtime";

/** Largest accepted absolute difference of encoder output and logits: float32 sums in another order. */
export const OUTPUT_TOLERANCE = 2e-4;

/** Largest absolute difference; NaN if any element is. @throws SlmError SHAPE_MISMATCH */
export function maxAbsDifference(actual: HostTensor, expected: HostTensor): number {
  if (actual.shape.join() !== expected.shape.join()) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `reference: expected [${expected.shape.join(", ")}], computed [${actual.shape.join(", ")}]`,
    );
  }
  const a = actual.data as Float32Array;
  const b = expected.data as Float32Array;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    // Written so that NaN counts as the largest.
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
