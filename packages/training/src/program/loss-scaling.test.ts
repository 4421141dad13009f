import { describe, expect, test } from "vitest";
import { FIRST_SCALING, nextScaling, type LossScaling } from "./loss-scaling.js";

/** The scalings after finite and non-finite steps, in order. */
const after = (finite: readonly boolean[], interval?: number): LossScaling[] => {
  const all = [FIRST_SCALING];
  for (const isFinite of finite) all.push(nextScaling(all.at(-1)!, isFinite, interval));
  return all.slice(1);
};

describe(nextScaling, () => {
  test("halves the factor at every overflow and counts the skipped steps", () => {
    const [first, second] = after([false, false]);
    expect(first).toEqual({ scale: 2 ** 15, goodSteps: 0, skipped: 1 });
    expect(second).toEqual({ scale: 2 ** 14, goodSteps: 0, skipped: 2 });
  });

  test("doubles the factor after as many good steps in a row, and counts anew", () => {
    expect(after([true, true, true, true], 2).map(({ scale }) => scale / FIRST_SCALING.scale)).toEqual([
      1, 2, 2, 4,
    ]);
    expect(after([true, false, true], 2).map(({ scale }) => scale / FIRST_SCALING.scale)).toEqual([
      1, 0.5, 0.5,
    ]);
  });

  test("stays a power of two within the range of float32", () => {
    const { scale } = after(new Array<boolean>(100).fill(true), 1).at(-1)!;
    expect(Math.log2(scale) % 1).toBe(0);
    expect(scale).toBeLessThanOrEqual(2 ** 32);
  });
});
