/**
 * How a question is answered, step by step: whatever the scene shows in the order of reading, and behind each thing what it means for the
 * question. A model that writes this down first has small steps to learn, each of which sees what was written before it, where an
 * answer alone asks for all of them at once.
 *
 *   "how many stars are there?" -> "northwest small red star 1 north nothing northeast large red ring 1 ... #### 1"
 *
 * Hsieh et al. 2023, Distilling Step-by-Step (arXiv 2305.02301): rationales as further targets of a small model.
 */
import type { Bar, ChartScene } from "./chart-scene.js";
import { CELL_NAMES, cellName, type Shape, type ShapesScene } from "./shapes-scene.js";

/** What a thing means for a question, given those before it; called once for each, in the order of reading. */
export type Mark<Thing> = (thing: Thing) => string;

/**
 * Every cell of the grid that shapes lie in, row by row, with the shape and its mark. Cells without a shape stand there too, so that a
 * place in the text is a place in the picture.
 */
export function scanCells({ shapes }: ShapesScene, mark: Mark<Shape>): string {
  const inCells = new Map(shapes.map((shape) => [cellName(shape), shape]));
  return CELL_NAMES.map((name) => {
    const shape = inCells.get(name);
    return shape === undefined
      ? `${name} nothing`
      : `${name} ${shape.size} ${shape.colour} ${shape.figure} ${mark(shape)}`;
  }).join(" ");
}

/** Every bar from left to right, with its mark: "A 7 no X 2 yes". */
export function scanBars({ bars }: ChartScene, mark: Mark<Bar>): string {
  return bars.map((bar) => `${bar.label} ${bar.value} ${mark(bar)}`).join(" ");
}

export const yesOrNo = (isSo: boolean): "yes" | "no" => (isSo ? "yes" : "no");

/** Which of two things that a question names this is. */
export function firstOrSecond<Thing>(first: Thing, second: Thing): Mark<Thing> {
  return (thing) => (thing === first ? "first" : thing === second ? "second" : "no");
}

/** How many up to here. */
export function runningCount<Thing>(counts: (thing: Thing) => boolean): Mark<Thing> {
  let count = 0;
  return (thing) => String(counts(thing) ? ++count : count);
}
