import type { Point } from "./thin.js";

/** Series shorter than this show their own course. */
const SHORTEST = 40;
/** Half of the window, as a share of the series. */
const HALF_WINDOW = 1 / 60;

/**
 * The running mean of a series over a window of a thirtieth of its points, centred, so that it does not lag behind; at
 * either end the window is cut off. A series of fewer than 40 points is returned as it is.
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
