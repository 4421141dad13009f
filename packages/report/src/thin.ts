/** A point of a chart: x, then y. */
export type Point = readonly [x: number, y: number];

/**
 * Thins points, in order of x, to at most `limit` (at least 4) without a visible change: the points are split into
 * buckets of equal size, and each keeps its lowest and highest point, so spikes are preserved.
 */
export function thinPoints(points: readonly Point[], limit: number): readonly Point[] {
  const sorted = [...points].sort((a, b) => a[0] - b[0]);
  const first = sorted[0];
  const last = sorted.at(-1);
  if (sorted.length <= limit || first === undefined || last === undefined) return sorted;
  const inner = sorted.slice(1, -1);
  const buckets = Math.max(1, Math.floor((limit - 2) / 2));
  const kept: Point[] = [first];
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const from = Math.floor((bucket * inner.length) / buckets);
    const to = Math.floor(((bucket + 1) * inner.length) / buckets);
    kept.push(...extremes(inner.slice(from, to)));
  }
  kept.push(last);
  return kept;
}

/** The lowest and the highest point of a bucket, in order of x. */
function extremes(points: readonly Point[]): readonly Point[] {
  let lowest = 0;
  let highest = 0;
  for (const [index, point] of points.entries()) {
    if (point[1] < points[lowest]![1]) lowest = index;
    if (point[1] > points[highest]![1]) highest = index;
  }
  const indices = [...new Set([lowest, highest])].sort((a, b) => a - b);
  return indices.map((index) => points[index]!);
}
