/** Rasterizes outlines: computes the covered share of each pixel.
 *
 * The areas are exact, not sampled: each edge adds the change from left to right to the pixels that it crosses, and a running sum
 * over the row is the coverage. No system library is used, so the same outlines result in the same pixels everywhere.
 *
 * Source: Levien, "Inside the fastest font renderer in the world" (2016), the accumulation buffer of font-rs.
 */

/** Points of a closed line: alternating x and y [pixels]; y grows downwards. */
export type Contour = Float64Array;

/** Coverage of every pixel from 0 to 1, row by row. Outlines are clipped at the borders. */
export function coverageOf(contours: readonly Contour[], width: number, height: number): Float32Array {
  // Two extra values per row, because an edge on the right border still adds to its neighbours.
  const stride = width + 2;
  const changes = new Float32Array(stride * height);
  for (const contour of contours) addContour(changes, contour, { width, height, stride });
  const coverage = new Float32Array(width * height);
  for (let row = 0; row < height; row++) {
    let sum = 0;
    for (let column = 0; column < width; column++) {
      sum += changes[row * stride + column]!;
      // Sums that should be zero have rounding errors.
      const inside = Math.min(1, Math.abs(sum));
      coverage[row * width + column] = inside < 1e-4 ? 0 : inside;
    }
  }
  return coverage;
}

interface Area {
  readonly width: number;
  readonly height: number;
  readonly stride: number;
}

function addContour(changes: Float32Array, points: Contour, area: Area): void {
  for (let index = 0; index < points.length; index += 2) {
    const next = (index + 2) % points.length;
    const [x0, y0] = [points[index]!, points[index + 1]!];
    const [x1, y1] = [points[next]!, points[next + 1]!];
    if (y0 < y1) addEdge(changes, area, [x0, y0, x1, y1], 1);
    else if (y1 < y0) addEdge(changes, area, [x1, y1, x0, y0], -1);
  }
}

/** An edge from its upper to its lower end. */
function addEdge(
  changes: Float32Array,
  { width, height, stride }: Area,
  [x0, y0, x1, y1]: readonly [number, number, number, number],
  direction: 1 | -1,
): void {
  const slope = (x1 - x0) / (y1 - y0);
  const last = Math.min(height, Math.ceil(y1));
  for (let row = Math.max(0, Math.floor(y0)); row < last; row++) {
    const top = Math.max(row, y0);
    const bottom = Math.min(row + 1, y1);
    const start = Math.min(width, Math.max(0, x0 + (top - y0) * slope));
    const end = Math.min(width, Math.max(0, x0 + (bottom - y0) * slope));
    const amount = (bottom - top) * direction;
    if (start < end) addSpan(changes, row * stride, start, end, amount);
    else addSpan(changes, row * stride, end, start, amount);
  }
}

/** The part of an edge within one row of pixels: `amount` of the row's height, from `left` to `right`. */
function addSpan(changes: Float32Array, start: number, left: number, right: number, amount: number): void {
  const column = Math.floor(left);
  const end = Math.ceil(right);
  if (end <= column + 1) {
    const within = (left + right) / 2 - column;
    changes[start + column]! += amount * (1 - within);
    changes[start + column + 1]! += amount * within;
    return;
  }
  // The area to the right of the edge, pixel by pixel, as differences to the previous pixel.
  const perColumn = 1 / (right - left);
  let before = 0;
  for (let at = column; at <= end; at++) {
    const area = areaUntil(at + 1, left, right) - areaUntil(at, left, right);
    changes[start + at]! += amount * (area * perColumn - before);
    before = area * perColumn;
  }
}

/** Integral from the left end to `x` of the share of the edge that is left of a column, times the edge's width. */
function areaUntil(x: number, left: number, right: number): number {
  if (x <= left) return 0;
  const width = right - left;
  return x <= right ? (x - left) ** 2 / 2 : width * width * 0.5 + (x - right) * width;
}
