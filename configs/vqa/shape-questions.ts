/** Questions about scenes of shapes. */
import type { Draw } from "../shared/draw.js";
import { drawAnswer, yesOrNo, type Asker } from "./question.js";
import { firstOrSecondShape, runningCount, scanCells } from "./rationales.js";
import {
  cellName,
  COLOUR_NAMES,
  FIGURE_NAMES,
  isOf,
  SIZES,
  type Category,
  type Shape,
  type ShapesScene,
} from "./shapes-scene.js";

const plural = (figure: string): string => (figure === "cross" ? "crosses" : `${figure}s`);
const named = ({ colour, figure }: Pick<Shape, "colour" | "figure">): string => `${colour} ${figure}`;
const sizeOf = ({ size }: Shape): string => size;
const both = (one: Shape, other: Shape): string => `${named(one)} ${named(other)}`;
const namedMany = ({ by, value }: Category): string => (by === "figure" ? plural(value) : `${value} shapes`);

/** Minimum distance for "left of" or "above" [% of the image]. */
const CLEAR = 12;

/** Shapes with a unique combination of colour and figure. */
function unmistakable({ shapes }: ShapesScene): readonly Shape[] {
  return shapes.filter((shape) => shapes.filter((other) => named(other) === named(shape)).length === 1);
}

/** A shape with a unique value of a property. */
function only(draw: Draw, { shapes }: ShapesScene, by: "figure" | "colour"): Shape | undefined {
  const single = shapes.filter((shape) => shapes.filter((other) => other[by] === shape[by]).length === 1);
  return single.length === 0 ? undefined : draw.pick(single);
}

/** Two items of a list, in any order, that fulfil a condition. */
function drawPair<T>(
  draw: Draw,
  list: readonly T[],
  fits: (one: T, other: T) => boolean,
): [T, T] | undefined {
  const pairs = list.flatMap((one) =>
    list.filter((other) => other !== one && fits(one, other)).map((other): [T, T] => [one, other]),
  );
  return pairs.length === 0 ? undefined : draw.pick(pairs);
}

/** Whether the first is in a direction from the second. */
const DIRECTIONS = [
  { name: "left of", is: (one: Shape, other: Shape) => other.x - one.x >= CLEAR },
  { name: "right of", is: (one: Shape, other: Shape) => one.x - other.x >= CLEAR },
  { name: "above", is: (one: Shape, other: Shape) => other.y - one.y >= CLEAR },
  { name: "below", is: (one: Shape, other: Shape) => one.y - other.y >= CLEAR },
] as const;

function colour(scene: ShapesScene, draw: Draw): ReturnType<Asker<ShapesScene>> {
  const shape = only(draw, scene, "figure");
  if (shape === undefined) return undefined;
  const { figure } = shape;
  return {
    source: draw.pick([
      `what colour is the ${figure}?`,
      `which colour does the ${figure} have?`,
      `name the colour of the ${figure}.`,
      `the ${figure} is of what colour?`,
    ]),
    target: shape.colour,
    rationale: scanCells(scene, figure, { figure: (other) => yesOrNo(other.figure === figure) }),
  };
}

function figure(scene: ShapesScene, draw: Draw): ReturnType<Asker<ShapesScene>> {
  const shape = only(draw, scene, "colour");
  if (shape === undefined) return undefined;
  return {
    source: draw.pick([
      `what shape is ${shape.colour}?`,
      `which shape is the ${shape.colour} one?`,
      `name the ${shape.colour} shape.`,
      `what is the ${shape.colour} thing?`,
    ]),
    target: shape.figure,
    rationale: scanCells(scene, shape.colour, { colour: (other) => yesOrNo(other.colour === shape.colour) }),
  };
}

function count(scene: ShapesScene, draw: Draw): ReturnType<Asker<ShapesScene>> {
  const { shapes, counted } = scene;
  const many = namedMany(counted);
  return {
    source: draw.pick([
      `how many ${many} are there?`,
      `count the ${many}.`,
      `what is the number of ${many}?`,
      `how many ${many} do you see?`,
    ]),
    target: String(shapes.filter((shape) => isOf(shape, counted)).length),
    rationale: scanCells(scene, counted.value, {
      [counted.by]: runningCount<Shape>((shape) => isOf(shape, counted)),
    }),
  };
}

function exists(scene: ShapesScene, draw: Draw): ReturnType<Asker<ShapesScene>> {
  const { shapes } = scene;
  const { isYes, target } = drawAnswer(draw);
  const present = new Set(shapes.map(named));
  const pairs = COLOUR_NAMES.flatMap((colour) => FIGURE_NAMES.map((figure) => ({ colour, figure })));
  const absent = pairs.filter((pair) => !present.has(named(pair)));
  // Its colour and its figure occur on other shapes, which makes "no" harder.
  const close = absent.filter(
    (pair) =>
      shapes.some((shape) => shape.colour === pair.colour) &&
      shapes.some((shape) => shape.figure === pair.figure),
  );
  const wanted = isYes ? draw.pick(shapes) : draw.pick(close.length > 0 ? close : absent);
  const asked = named(wanted);
  const article = asked.startsWith("orange") ? "an" : "a";
  return {
    source: draw.pick([
      `is there ${article} ${asked}?`,
      `do you see ${article} ${asked}?`,
      `does the picture show ${article} ${asked}?`,
      `can ${article} ${asked} be seen?`,
    ]),
    target,
    rationale: scanCells(scene, asked, {
      colour: ({ colour }) => yesOrNo(colour === wanted.colour),
      figure: (shape) => yesOrNo(named(shape) === asked),
    }),
  };
}

function relation(scene: ShapesScene, draw: Draw): ReturnType<Asker<ShapesScene>> {
  const { isYes, target } = drawAnswer(draw);
  const { name, is } = draw.pick(DIRECTIONS);
  const pair = drawPair(draw, unmistakable(scene), is);
  if (pair === undefined) return undefined;
  const [one, other] = isYes ? pair : [pair[1], pair[0]];
  return {
    source: draw.pick([
      `is the ${named(one)} ${name} the ${named(other)}?`,
      `is the ${named(one)} somewhere ${name} the ${named(other)}?`,
      `does the ${named(one)} lie ${name} the ${named(other)}?`,
    ]),
    target,
    rationale: `${scanCells(scene, both(one, other), firstOrSecondShape(one, other, cellName))} ${cellName(one)} ${cellName(other)}`,
  };
}

function compare(scene: ShapesScene, draw: Draw): ReturnType<Asker<ShapesScene>> {
  const { shapes } = scene;
  const { isYes, target } = drawAnswer(draw);
  const by = draw.chance(50) ? "figure" : "colour";
  const values = [...new Set(shapes.map((shape) => shape[by]))];
  const numberOf = (value: string): number => shapes.filter((shape) => shape[by] === value).length;
  const pair = drawPair(draw, values, (one, other) => numberOf(one) > numberOf(other));
  if (pair === undefined) return undefined;
  const ordered = isYes ? pair : [pair[1], pair[0]];
  const [one, other] = ordered.map((value) => (by === "figure" ? plural(value) : `${value} shapes`));
  const [counts, otherCounts] = ordered.map((value) => runningCount<Shape>((shape) => shape[by] === value));
  return {
    source: draw.pick([
      `are there more ${one} than ${other}?`,
      `do the ${one} outnumber the ${other}?`,
      `is the number of ${one} larger than that of ${other}?`,
    ]),
    target,
    rationale: scanCells(scene, ordered.join(" "), {
      [by]: (shape: Shape) => `${counts!(shape)} ${otherCounts!(shape)}`,
    }),
  };
}

function size(scene: ShapesScene, draw: Draw): ReturnType<Asker<ShapesScene>> {
  const pair = drawPair(draw, unmistakable(scene), (one, other) => SIZES[one.size] > SIZES[other.size]);
  if (pair === undefined) return undefined;
  const isLarger = draw.chance(50);
  const [first, second] = draw.chance(50) ? pair : [pair[1], pair[0]];
  const [one, other] = [named(first), named(second)];
  const word = isLarger ? "larger" : "smaller";
  return {
    source: draw.pick([
      `which is ${word}, the ${one} or the ${other}?`,
      `what is ${word}: the ${one} or the ${other}?`,
      `of the ${one} and the ${other}, which is ${word}?`,
    ]),
    target: named(isLarger ? pair[0] : pair[1]),
    rationale: `${scanCells(scene, both(first, second), firstOrSecondShape(first, second, sizeOf))} ${first.size} ${second.size}`,
  };
}

export const SHAPE_QUESTIONS = { colour, figure, count, exists, relation, compare, size } as const;
