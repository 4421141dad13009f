/**
 * Answers a question from the scene in words, like a text-only teacher, for tests. Shares no code with the
 * generator.
 */

interface Thing {
  readonly size: string;
  readonly colour: string;
  readonly figure: string;
  readonly x: number;
  readonly y: number;
}

type Answer = string | undefined;
type Rule<Truth> = readonly [RegExp, (truth: Truth, ...found: readonly string[]) => Answer];

/** The answer, or undefined if the question is not understood. */
export function recount(truth: string, question: string): string | undefined {
  return truth.startsWith("bars ")
    ? answer(CHART_RULES, readChart(truth), question)
    : answer(SHAPE_RULES, readShapes(truth), question);
}

function answer<Truth>(rules: readonly Rule<Truth>[], truth: Truth, question: string): Answer {
  for (const [pattern, rule] of rules) {
    const match = pattern.exec(question);
    if (match !== null) return rule(truth, ...match.slice(1).map((part) => part || ""));
  }
  return undefined;
}

function readShapes(truth: string): readonly Thing[] {
  return truth.split("; ").map((text) => {
    const [size = "", colour = "", figure = "", , x, y] = text.split(" ");
    return { size, colour, figure, x: Number(x), y: Number(y) };
  });
}

function readChart(truth: string): ReadonlyMap<string, number> {
  const bars = truth.slice("bars ".length).split("; ");
  return new Map(
    bars.map((text) => {
      const [label = "", value] = text.split(" ");
      return [label, Number(value)];
    }),
  );
}

/** Shapes in a plural phrase: "stars", "crosses", "red shapes". */
function many(things: readonly Thing[], words: string): number {
  return words.endsWith(" shapes")
    ? things.filter(({ colour }) => `${colour} shapes` === words).length
    : things.filter(({ figure }) => words === (figure === "cross" ? "crosses" : `${figure}s`)).length;
}

const one = (things: readonly Thing[], words: string): Thing | undefined =>
  things.find(({ colour, figure }) => `${colour} ${figure}` === words);
const yesNo = (value: boolean): string => (value ? "yes" : "no");

const SIDES: Readonly<Record<string, (a: Thing, b: Thing) => boolean>> = {
  "left of": (a, b) => a.x < b.x,
  "right of": (a, b) => a.x > b.x,
  above: (a, b) => a.y < b.y,
  below: (a, b) => a.y > b.y,
};

function larger(things: readonly Thing[], first: string, second: string, word: string): Answer {
  const wanted = word === "larger" ? "large" : "small";
  return one(things, first)?.size === wanted ? first : second;
}

const SHAPE_RULES: readonly Rule<readonly Thing[]>[] = [
  [
    /^(?:are there more|do the|is the number of) (.+?) (?:than|outnumber the|larger than that of) (.+)\?$/,
    (things, first = "", second = "") => yesNo(many(things, first) > many(things, second)),
  ],
  [
    /^(?:is|does) the (\w+ \w+) (?:somewhere |lie )?(left of|right of|above|below) the (\w+ \w+)\?$/,
    (things, first = "", side = "", second = "") => {
      const [a, b] = [one(things, first), one(things, second)];
      return a === undefined || b === undefined ? undefined : yesNo(SIDES[side]!(a, b));
    },
  ],
  [
    /^(?:is there|do you see|does the picture show|can) an? (\w+ \w+)(?: be seen)?\?$/,
    (things, words = "") => yesNo(one(things, words) !== undefined),
  ],
  [
    /^(?:how many|count the|what is the number of) (.+?)(?: are there| do you see)?[?.]$/,
    (things, words = "") => String(many(things, words)),
  ],
  [
    /^(?:which|what) is (larger|smaller)[,:] the (\w+ \w+) or the (\w+ \w+)\?$/,
    (things, word = "", first = "", second = "") => larger(things, first, second, word),
  ],
  [
    /^of the (\w+ \w+) and the (\w+ \w+), which is (larger|smaller)\?$/,
    (things, first = "", second = "", word = "") => larger(things, first, second, word),
  ],
  [
    /^(?:what colour is the|which colour does the|name the colour of the|the) (\w+)(?: have| is of what colour)?[?.]$/,
    (things, figure = "") => things.find((thing) => thing.figure === figure)?.colour,
  ],
  [
    /^(?:what shape is|which shape is the|name the|what is the) (\w+)(?: one| shape| thing)?[?.]$/,
    (things, colour = "") => things.find((thing) => thing.colour === colour)?.figure,
  ],
];

const CHART_RULES: readonly Rule<ReadonlyMap<string, number>>[] = [
  [
    /^(?:how many bars are there\?|count the bars\.|what is the number of bars\?)$/,
    ({ size }) => String(size),
  ],
  [
    /\b(highest|lowest)\b/,
    (bars, word = "") => {
      const values = [...bars.values()];
      const wanted = word === "highest" ? Math.max(...values) : Math.min(...values);
      return [...bars].find(([, value]) => value === wanted)?.[0];
    },
  ],
  [
    /^(?:is|does) (?:bar )?([A-Z]) (?:higher than|larger than bar|have a higher value than) ([A-Z])\?$/,
    (bars, first = "", second = "") => yesNo(bars.get(first)! > bars.get(second)!),
  ],
  [
    /([A-Z]) and ([A-Z])\b/,
    (bars, first = "", second = "") => String(Math.abs(bars.get(first)! - bars.get(second)!)),
  ],
  [/\b([A-Z])\b/, (bars, label = "") => String(bars.get(label))],
];
