import type { Point } from "./thin.js";

/** Shorter series are not smoothed. */
const SHORTEST = 40;
/** Half of the window, as a fraction of the series. */
const HALF_WINDOW = 1 / 60;

/**
 * The running mean of a series over a window of a thirtieth of its points. The window is centered, so the mean does not lag; it
 * is truncated at both ends. A series of fewer than 40 points is returned unchanged.
 */
export function runningMean(points: readonly Point[]): readonly Point[] {
  const sorted = [...points].sort((a, b) => a[0] - b[0]);
  if (sorted.length < SHORTEST) return sorted;
  const half = Math.ceil(sorted.length * HALF_WINDOW);
  return sorted.map(([x], index): Point => {
    const window = sorted.slice(Math.max(0, index - half), index + half + 1);
    return [x, window.reduce((sum, [, y]) => sum + y / window.length, 0)];
  });
}
