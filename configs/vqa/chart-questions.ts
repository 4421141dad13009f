/** Questions about bar charts. */
import type { Draw } from "../shared/draw.js";
import type { Bar, ChartScene, Label } from "./chart-scene.js";
import { drawAnswer, yesOrNo, type Asker } from "./question.js";
import { firstOrSecond, runningCount, scanBars } from "./rationales.js";

type Answer = ReturnType<Asker<ChartScene>>;

function barOf({ bars }: ChartScene, label: Label): Bar {
  return bars.find((bar) => bar.label === label)!;
}

/** The bars in order with marks for the two bars in the question, and the two values. */
function bothBars(scene: ChartScene, first: Bar, second: Bar): string {
  const bars = scanBars(scene, `${first.label} ${second.label}`, firstOrSecond(first, second));
  return `${bars} ${first.value} ${second.value}`;
}

function value(scene: ChartScene, draw: Draw): Answer {
  const { label, value } = draw.pick(scene.bars);
  return {
    source: draw.pick([
      `what is the value of ${label}?`,
      `how high is bar ${label}?`,
      `which value does ${label} have?`,
      `read the bar ${label}.`,
    ]),
    target: String(value),
    rationale: scanBars(scene, label, (bar) => yesOrNo(bar.label === label)),
  };
}

/** The lowest or the highest bar. */
function extreme(scene: ChartScene, draw: Draw): Answer {
  const isHighest = draw.chance(50);
  const further = (one: Bar, other: Bar): Bar => (isHighest === one.value > other.value ? one : other);
  let furthest = scene.bars[0]!;
  const word = isHighest ? "highest" : "lowest";
  return {
    source: draw.pick([
      `which bar is the ${word}?`,
      `which label has the ${word} value?`,
      `name the ${word} bar.`,
      `what is the ${word} bar called?`,
    ]),
    target: scene.bars.reduce(further).label,
    rationale: scanBars(scene, word, (bar) => {
      furthest = further(furthest, bar);
      return `${furthest.label} ${furthest.value}`;
    }),
  };
}

function difference(scene: ChartScene, draw: Draw): Answer {
  const { compared } = scene;
  const labels = draw.chance(50) ? compared : [compared[1], compared[0]];
  const [first, second] = [barOf(scene, labels[0]), barOf(scene, labels[1])];
  const [one, other] = labels;
  return {
    source: draw.pick([
      `what is the difference between ${one} and ${other}?`,
      `by how much do ${one} and ${other} differ?`,
      `how far apart are ${one} and ${other}?`,
      `how much is between ${one} and ${other}?`,
    ]),
    target: String(Math.abs(first.value - second.value)),
    rationale: bothBars(scene, first, second),
  };
}

function more(scene: ChartScene, draw: Draw): Answer {
  const { bars } = scene;
  const { isYes, target } = drawAnswer(draw);
  const one = draw.pick(bars);
  const other = draw.pick(bars.filter((bar) => bar !== one));
  const isOrdered = one.value > other.value;
  const [first, second] = isOrdered === isYes ? [one, other] : [other, one];
  return {
    source: draw.pick([
      `is ${first.label} higher than ${second.label}?`,
      `is bar ${first.label} larger than bar ${second.label}?`,
      `does ${first.label} have a higher value than ${second.label}?`,
    ]),
    target,
    rationale: bothBars(scene, first, second),
  };
}

function bars(scene: ChartScene, draw: Draw): Answer {
  return {
    source: draw.pick([`how many bars are there?`, `count the bars.`, `what is the number of bars?`]),
    target: String(scene.bars.length),
    rationale: scanBars(
      scene,
      "bars",
      runningCount(() => true),
    ),
  };
}

export const CHART_QUESTIONS = { value, extreme, difference, more, bars } as const;
