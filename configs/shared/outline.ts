/** Outlines as points. Curves are approximated with lines that are short enough to be invisible. */
import type { Contour } from "./coverage.js";

/** An affine map: x' = a x + c y + e, y' = b x + d y + f. */
export interface Transform {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
}

export const UNCHANGED: Transform = { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 };

/** Composition: `first`, then `second`. */
export function compose(first: Transform, second: Transform): Transform {
  return {
    a: second.a * first.a + second.c * first.b,
    b: second.b * first.a + second.d * first.b,
    c: second.a * first.c + second.c * first.d,
    d: second.b * first.c + second.d * first.d,
    e: second.a * first.e + second.c * first.f + second.e,
    f: second.b * first.e + second.d * first.f + second.f,
  };
}

export function transformed(contour: Contour, { a, b, c, d, e, f }: Transform): Contour {
  const points = new Float64Array(contour.length);
  for (let index = 0; index < contour.length; index += 2) {
    const [x, y] = [contour[index]!, contour[index + 1]!];
    points[index] = a * x + c * y + e;
    points[index + 1] = b * x + d * y + f;
  }
  return points;
}

/** The bounding box of points. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Undefined without points, for example for a space. */
export function boxOf(contours: readonly Contour[]): Box | undefined {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const points of contours) {
    for (let index = 0; index < points.length; index += 2) {
      left = Math.min(left, points[index]!);
      right = Math.max(right, points[index]!);
      top = Math.min(top, points[index + 1]!);
      bottom = Math.max(bottom, points[index + 1]!);
    }
  }
  return left > right ? undefined : { left, top, right, bottom };
}

/** Corners of a regular polygon around the centre, starting at the top. `inner` < 1 results in a star with twice as many corners. */
export function regularFigure(corners: number, radius: number, inner = 1): Contour {
  const count = inner === 1 ? corners : 2 * corners;
  return Float64Array.from({ length: 2 * count }, (_, index) => {
    const corner = index >> 1;
    const distance = corner % 2 === 1 && inner !== 1 ? radius * inner : radius;
    const angle = (2 * Math.PI * corner) / count;
    return index % 2 === 0 ? distance * Math.sin(angle) : -distance * Math.cos(angle);
  });
}

/** Corners of a circle; enough for the sizes in these tasks. */
const CIRCLE_CORNERS = 48;

export function circle(radius: number): Contour {
  return regularFigure(CIRCLE_CORNERS, radius);
}

export function rectangle({ left, top, right, bottom }: Box): Contour {
  return Float64Array.of(left, top, right, top, right, bottom, left, bottom);
}
