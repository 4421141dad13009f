/** What is asked about bar charts. */
import type { Draw } from "../draw.js";
import type { ChartScene, Label } from "./chart-scene.js";
import { drawAnswer, type Asker } from "./question.js";

type Answer = ReturnType<Asker<ChartScene>>;

function valueOf({ bars }: ChartScene, label: Label): number {
  return bars.find((bar) => bar.label === label)!.value;
}

function value({ bars }: ChartScene, draw: Draw): Answer {
  const { label, value } = draw.pick(bars);
  return {
    source: draw.pick([
      `what is the value of ${label}?`,
      `how high is bar ${label}?`,
      `which value does ${label} have?`,
      `read the bar ${label}.`,
    ]),
    target: String(value),
  };
}

/** The bar at one end of the order of values. */
function extreme({ bars }: ChartScene, draw: Draw): Answer {
  const isHighest = draw.chance(50);
  const sorted = [...bars].sort((a, b) => a.value - b.value);
  const word = isHighest ? "highest" : "lowest";
  return {
    source: draw.pick([
      `which bar is the ${word}?`,
      `which label has the ${word} value?`,
      `name the ${word} bar.`,
      `what is the ${word} bar called?`,
    ]),
    target: (isHighest ? sorted.at(-1)! : sorted[0]!).label,
  };
}

function difference(scene: ChartScene, draw: Draw): Answer {
  const { compared } = scene;
  const [one, other] = draw.chance(50) ? compared : [compared[1], compared[0]];
  return {
    source: draw.pick([
      `what is the difference between ${one} and ${other}?`,
      `by how much do ${one} and ${other} differ?`,
      `how far apart are ${one} and ${other}?`,
      `how much is between ${one} and ${other}?`,
    ]),
    target: String(Math.abs(valueOf(scene, one) - valueOf(scene, other))),
  };
}

function more({ bars }: ChartScene, draw: Draw): Answer {
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
  };
}

function bars({ bars: all }: ChartScene, draw: Draw): Answer {
  return {
    source: draw.pick([`how many bars are there?`, `count the bars.`, `what is the number of bars?`]),
    target: String(all.length),
  };
}

export const CHART_QUESTIONS = { value, extreme, difference, more, bars } as const;
