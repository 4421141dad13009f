/** Generates and draws scenes of coloured shapes. */
import type { Draw } from "../shared/draw.js";
import { filled, paint, type Bitmap, type Colour } from "../shared/bitmap.js";
import { coverageOf, type Contour } from "../shared/coverage.js";
import { circle, rectangle, regularFigure, transformed, UNCHANGED } from "../shared/outline.js";

/** Outlines around the centre for a radius. */
const FIGURES = {
  circle: (radius: number) => [circle(radius)],
  square: (radius: number) => [square(0.86 * radius)],
  triangle: (radius: number) => [regularFigure(3, 1.1 * radius)],
  star: (radius: number) => [regularFigure(5, 1.1 * radius, 0.42)],
  cross: (radius: number) => [cross(radius)],
  // The inner circle has the opposite direction, so it is a hole.
  ring: (radius: number) => [circle(radius), transformed(circle(0.5 * radius), { ...UNCHANGED, a: -1 })],
} as const satisfies Readonly<Record<string, (radius: number) => readonly Contour[]>>;

export type Figure = keyof typeof FIGURES;
export const FIGURE_NAMES = Object.keys(FIGURES) as readonly Figure[];

export const COLOURS = {
  red: [214, 39, 40],
  green: [44, 150, 60],
  blue: [42, 96, 212],
  yellow: [236, 202, 28],
  purple: [140, 60, 190],
  orange: [250, 128, 20],
} as const satisfies Readonly<Record<string, Colour>>;
export type ColourName = keyof typeof COLOURS;
export const COLOUR_NAMES = Object.keys(COLOURS) as readonly ColourName[];

export const SIZES = { small: 0.075, large: 0.125 } as const;
type SizeName = keyof typeof SIZES;

export interface Shape {
  readonly figure: Figure;
  readonly colour: ColourName;
  readonly size: SizeName;
  /** Centre, in percent of the image. */
  readonly x: number;
  readonly y: number;
}

/** The category of counted shapes. */
export type Category =
  { readonly by: "figure"; readonly value: Figure } | { readonly by: "colour"; readonly value: ColourName };

export interface ShapesScene {
  readonly topic: "shapes";
  readonly shapes: readonly Shape[];
  /** The counted category. All counts are equally likely, and the other shapes are not in the category. */
  readonly counted: Category;
}

export function isOf(shape: Shape, { by, value }: Category): boolean {
  return shape[by] === value;
}

/** Maximum number of shapes in the counted category, and in all other categories together. */
const MOST_COUNTED = 5;
const OTHERS = { least: 2, most: 4 } as const;

/** Cells per side of the grid that separates shapes. */
const CELLS = 3;

export function drawShapesScene(draw: Draw): ShapesScene {
  const counted = drawCategory(draw);
  const number = draw.below(MOST_COUNTED + 1);
  const others = OTHERS.least + draw.below(Math.min(OTHERS.most, CELLS * CELLS - number) - OTHERS.least + 1);
  const cells = shuffled(
    draw,
    Array.from({ length: CELLS * CELLS }, (_, cell) => cell),
  );
  const shapes = cells.slice(0, number + others).map((cell, index) => {
    const looks = index < number ? { [counted.by]: counted.value } : {};
    let shape = { ...drawShape(draw, cell), ...looks };
    while (index >= number && isOf(shape, counted)) shape = drawShape(draw, cell);
    return shape;
  });
  return { topic: "shapes", shapes: shuffled(draw, shapes), counted };
}

function drawCategory(draw: Draw): Category {
  return draw.chance(50)
    ? { by: "figure", value: draw.pick(FIGURE_NAMES) }
    : { by: "colour", value: draw.pick(COLOUR_NAMES) };
}

function drawShape(draw: Draw, cell: number): Shape {
  const size: SizeName = draw.chance(50) ? "large" : "small";
  const side = 100 / CELLS;
  // Offset from the centre of the cell; the shape must stay within its cell. Stars and triangles need most space.
  const reach = Math.floor(side / 2 - 110 * SIZES[size]);
  const place = (index: number): number =>
    Math.round((index + 0.5) * side) - reach + draw.below(2 * reach + 1);
  return {
    figure: draw.pick(FIGURE_NAMES),
    colour: draw.pick(COLOUR_NAMES),
    size,
    x: place(cell % CELLS),
    y: place(Math.floor(cell / CELLS)),
  };
}

/** The grid cell of a shape; rows and columns are counted from 0 at the top left. */
function cellOf({ x, y }: Pick<Shape, "x" | "y">): { readonly row: number; readonly column: number } {
  const at = (percent: number): number => Math.min(CELLS - 1, Math.floor((percent * CELLS) / 100));
  return { row: at(y), column: at(x) };
}

/** Names of the cells, row by row: one word each, north at the top. */
export const CELL_NAMES = [
  "northwest",
  "north",
  "northeast",
  "west",
  "centre",
  "east",
  "southwest",
  "south",
  "southeast",
] as const;

export function cellName(shape: Pick<Shape, "x" | "y">): (typeof CELL_NAMES)[number] {
  const { row, column } = cellOf(shape);
  return CELL_NAMES[row * CELLS + column]!;
}

export function shuffled<T>(draw: Draw, list: readonly T[]): T[] {
  const result = [...list];
  for (let last = result.length - 1; last > 0; last--) {
    const other = draw.below(last + 1);
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}

/** A colour close to another. */
export function near(draw: Draw, colour: Colour, range = 14): Colour {
  const moved = (value: number): number =>
    Math.min(255, Math.max(0, value - range + draw.below(2 * range + 1)));
  return [moved(colour[0]), moved(colour[1]), moved(colour[2])];
}

/** @param draw chooses shades and background, which are independent of the scene's content */
export function paintShapes({ shapes }: ShapesScene, pixels: number, draw: Draw): Bitmap {
  const level = draw.chance(70) ? 228 + draw.below(24) : 12 + draw.below(30);
  const bitmap = filled(pixels, pixels, near(draw, [level, level, level], 4));
  for (const shape of shapes) {
    paint(
      bitmap,
      coverageOf(outlinesOfShape(shape, pixels), pixels, pixels),
      near(draw, COLOURS[shape.colour]),
    );
  }
  return bitmap;
}

export function outlinesOfShape({ figure, size, x, y }: Shape, pixels: number): readonly Contour[] {
  const place = { ...UNCHANGED, e: (x * pixels) / 100, f: (y * pixels) / 100 };
  return FIGURES[figure](SIZES[size] * pixels).map((contour) => transformed(contour, place));
}

function square(half: number): Contour {
  return rectangle({ left: -half, top: -half, right: half, bottom: half });
}

function cross(radius: number): Contour {
  const arm = 0.34 * radius;
  const corners = [
    [-arm, -radius],
    [arm, -radius],
    [arm, -arm],
    [radius, -arm],
    [radius, arm],
    [arm, arm],
    [arm, radius],
    [-arm, radius],
    [-arm, arm],
    [-radius, arm],
    [-radius, -arm],
    [-arm, -arm],
  ];
  return Float64Array.from(corners.flat());
}

/** The scene in words. */
export function describeShapes({ shapes }: ShapesScene): string {
  return shapes
    .map(({ size, colour, figure, x, y }) => `${size} ${colour} ${figure} at ${x} ${y}`)
    .join("; ");
}
