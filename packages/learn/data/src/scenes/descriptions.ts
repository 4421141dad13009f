/**
 * What a scene shows and where, asked for in words that questions do not have: all of it in the order of reading, or a part. It tells
 * a model that learns to see much more than the answer to a question, which is a bit or two, and where in the picture to look.
 */
import type { Draw } from "../draw.js";
import type { ChartScene } from "./chart-scene.js";
import type { Question } from "./question.js";
import { CELL_NAMES, cellName, type Shape, type ShapesScene } from "./shapes-scene.js";

type Described = Omit<Question, "kind">;
/** Ways to describe a scene, in the order in which it is asked for them. */
type Descriptions<Scene> = readonly [
  (scene: Scene) => Described,
  ...((scene: Scene, draw: Draw) => Described)[],
];

const OF_SHAPES: Descriptions<ShapesScene> = [
  // Every cell of the grid that shapes lie in, row by row, so that a place in the answer is a place in the picture.
  ({ shapes }) => {
    const looks = new Map(shapes.map((shape) => [cellName(shape), looksOf(shape)]));
    const cells = CELL_NAMES.map((name) => `${name} ${looks.get(name) ?? "nothing"}`);
    return { source: "describe the picture.", target: cells.join(" ") };
  },
  ({ shapes }, draw) => {
    const shape = draw.pick(shapes);
    const alike = shapes.filter((other) => looksOf(other) === looksOf(shape)).map(cellName);
    const inOrder = CELL_NAMES.filter((name) => alike.includes(name));
    return { source: `where do you find a ${looksOf(shape)}?`, target: inOrder.join(" ") };
  },
  ({ shapes }, draw) => {
    const name = draw.pick(CELL_NAMES);
    const found = shapes.find((shape) => cellName(shape) === name);
    return { source: `look ${name}.`, target: found === undefined ? "nothing" : looksOf(found) };
  },
];

const OF_CHARTS: Descriptions<ChartScene> = [
  ({ bars }) => ({
    source: "describe the picture.",
    target: bars.map(({ label, value }) => `${label} ${value}`).join(" "),
  }),
  ({ bars }) => ({ source: "list the labels.", target: bars.map(({ label }) => label).join(" ") }),
  ({ bars }) => ({ source: "list the values.", target: bars.map(({ value }) => value).join(" ") }),
];

export const MOST_DESCRIPTIONS = OF_SHAPES.length;

/** The description at a place in a scene's list of them. */
export function descriptionAt(scene: ShapesScene | ChartScene, place: number, draw: Draw): Question {
  const described =
    scene.topic === "shapes" ? OF_SHAPES[place]!(scene, draw) : OF_CHARTS[place]!(scene, draw);
  return { kind: "description", ...described };
}

const looksOf = ({ size, colour, figure }: Shape): string => `${size} ${colour} ${figure}`;
