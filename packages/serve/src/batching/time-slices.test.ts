import { afterEach, expect, test, vi } from "vitest";
import { isSliceOver, nextSlice } from "./time-slices.js";

afterEach(() => {
  vi.restoreAllMocks();
});

test("many computations at once give way as one does", async () => {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  /** Time that was computed in each turn of the event loop [ms]. */
  const turns = [0];
  let isCounting = true;
  const count = (): void => {
    turns.push(0);
    if (isCounting) setImmediate(count);
  };
  setImmediate(count);
  const compute = async (): Promise<void> => {
    for (let part = 0; part < 10; part++) {
      if (isSliceOver()) await nextSlice();
      now += 2;
      turns[turns.length - 1]! += 2;
    }
  };
  await Promise.all(Array.from({ length: 20 }, compute));
  isCounting = false;
  expect(turns.reduce((sum, turn) => sum + turn, 0)).toBe(400);
  // A slice of 8 ms and the part that exceeds it. Without sharing one slice, a turn would have 20 times as much.
  expect(Math.max(...turns)).toBeLessThanOrEqual(20);
});
