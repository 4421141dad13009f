import { monitorEventLoopDelay } from "node:perf_hooks";
import { expect, test } from "vitest";
import { isSliceOver, nextSlice } from "./time-slices.js";

function busy(milliseconds: number): void {
  for (const began = performance.now(); performance.now() - began < milliseconds;);
}

test("many computations at once give way as one does", async () => {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  const compute = async (): Promise<number> => {
    for (let part = 0; part < 10; part++) {
      if (isSliceOver()) await nextSlice();
      busy(2);
    }
    return performance.now();
  };
  await compute(); // The monitor counts from its first sample on.
  delays.enable();
  const began = performance.now();
  const ends = await Promise.all(Array.from({ length: 20 }, compute));
  delays.disable();
  expect(Math.max(...ends) - began).toBeGreaterThan(400);
  // Without sharing one slice they would hold the loop for 160 ms. Other programs may hold it, too.
  expect(delays.percentile(90) / 1e6).toBeLessThan(60);
});
