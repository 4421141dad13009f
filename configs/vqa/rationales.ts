/**
 * Writes rationales: the content of the scene in reading order, with a mark after each word that matters for the question. A model that
 * writes this first learns small steps, each of which depends on a few nearby words, instead of the whole answer at once.
 *
 *   "how many stars are there?" -> "star northwest small red star 1 north nothing northeast large red ring 1 ... #### 1"
 *
 * The rationale starts with the property in the question, in the words of the scene. The marks compare with it, and copying it
 * teaches the model to read the question.
 *
 * Hsieh et al. 2023, Distilling Step-by-Step (arXiv 2305.02301): rationales as additional targets of a small model.
 */
import type { Bar, ChartScene } from "./chart-scene.js";
import { CELL_NAMES, cellName, type Shape, type ShapesScene } from "./shapes-scene.js";

/** Returns the mark of an object for a question, depending on earlier objects. Called once per object, in reading order. */
export type Mark<Thing> = (thing: Thing) => string;

/** Marks after a shape's colour and after its figure, if the word matters. */
export interface ShapeMarks {
  readonly colour?: Mark<Shape>;
  readonly figure?: Mark<Shape>;
}

/**
 * Lists every cell of the grid, row by row, with its shape and marks. Empty cells are listed too, so that a position in the text
 * corresponds to a position in the image.
 */
export function scanCells({ shapes }: ShapesScene, asked: string, marks: ShapeMarks): string {
  const inCells = new Map(shapes.map((shape) => [cellName(shape), shape]));
  const behind = (mark: Mark<Shape> | undefined, shape: Shape): readonly string[] =>
    mark === undefined ? [] : [mark(shape)];
  const cells = CELL_NAMES.flatMap((name) => {
    const shape = inCells.get(name);
    if (shape === undefined) return [name, "nothing"];
    const { size, colour, figure } = shape;
    return [name, size, colour, ...behind(marks.colour, shape), figure, ...behind(marks.figure, shape)];
  });
  return [asked, ...cells].join(" ");
}

/** Lists every bar from left to right, with its mark: "X A 7 no X 2 yes". */
export function scanBars({ bars }: ChartScene, asked: string, mark: Mark<Bar>): string {
  return [asked, ...bars.map((bar) => `${bar.label} ${bar.value} ${mark(bar)}`)].join(" ");
}

/** Marks the first and the second object of a question. */
export function firstOrSecond<Thing>(first: Thing, second: Thing): Mark<Thing> {
  return (thing) => (thing === first ? "first" : thing === second ? "second" : "no");
}

/** Marks the candidates for the two shapes that a question names by colour and figure, then the shapes, with the requested property. */
export function firstOrSecondShape(first: Shape, second: Shape, asked: Mark<Shape>): Required<ShapeMarks> {
  const which = firstOrSecond(first, second);
  return {
    colour: ({ colour }) => {
      const isFirst = colour === first.colour;
      return colour === second.colour ? (isFirst ? "both" : "second") : isFirst ? "first" : "no";
    },
    figure: (shape) => {
      const name = which(shape);
      return name === "no" ? name : `${name} ${asked(shape)}`;
    },
  };
}

/** Running count. */
export function runningCount<Thing>(counts: (thing: Thing) => boolean): Mark<Thing> {
  let count = 0;
  return (thing) => String(counts(thing) ? ++count : count);
}
