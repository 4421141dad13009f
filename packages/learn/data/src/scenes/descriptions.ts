/**
 * Everything that a scene shows, in words and in the order of reading: what a model that learns to see can be told of a picture at
 * once, where the answer to one question tells it a bit or two.
 */
import type { ChartScene } from "./chart-scene.js";
import type { Question } from "./question.js";
import { CELL_NAMES, cellName, type Shape, type ShapesScene } from "./shapes-scene.js";

/** Ways to ask for it; each scene is asked in as many of them as it has descriptions. */
const REQUESTS = [
  "what does the picture show?",
  "describe the picture.",
  "what do you see?",
  "list everything.",
] as const;

export const MOST_DESCRIPTIONS = REQUESTS.length;

/** The description at a place in a scene's list of them. */
export function descriptionAt(scene: ShapesScene | ChartScene, place: number): Question {
  const target = scene.topic === "shapes" ? cellsInOrder(scene) : barsInOrder(scene);
  return { kind: "description", source: REQUESTS[place]!, target };
}

/**
 * Every cell of the grid that shapes lie in, row by row: "northwest small red star north nothing ...". Cells without a shape stand
 * there too, so that a place in the description is a place in the picture.
 */
function cellsInOrder({ shapes }: ShapesScene): string {
  const looks = new Map(shapes.map((shape) => [cellName(shape), looksOf(shape)]));
  return CELL_NAMES.map((name) => `${name} ${looks.get(name) ?? "nothing"}`).join(" ");
}

const looksOf = ({ size, colour, figure }: Shape): string => `${size} ${colour} ${figure}`;

/** Bars from left to right: "A 7 X 2 K 1". */
const barsInOrder = ({ bars }: ChartScene): string =>
  bars.map(({ label, value }) => `${label} ${value}`).join(" ");
