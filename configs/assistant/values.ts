/** Generates values in words, with their meaning. */
import type { Draw } from "../shared/draw.js";
import type { DurationUnit } from "./setting.js";

/** A value and its words. */
export interface Spoken<Value> {
  readonly text: string;
  readonly value: Value;
}

const UNITS_IN_WORDS = [
  ...[
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
  ],
  ...["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"],
];
const TENS_IN_WORDS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/** A number from 0 to 100 in words. @example inWords(45) // "forty five" */
function inWords(number: number): string {
  if (number === 100) return "a hundred";
  const small = UNITS_IN_WORDS[number];
  if (small !== undefined) return small;
  const rest = number % 10;
  return `${TENS_IN_WORDS[Math.floor(number / 10)]!}${rest === 0 ? "" : ` ${UNITS_IN_WORDS[rest]!}`}`;
}

const NAMED_LEVELS: readonly Spoken<number>[] = [
  ...["the maximum", "maximum", "max", "full", "the highest level", "a hundred percent"].map(levelOf(100)),
  ...["the minimum", "minimum", "zero", "the lowest level"].map(levelOf(0)),
  ...["half", "the middle", "fifty fifty"].map(levelOf(50)),
  ...["a quarter", "one quarter"].map(levelOf(25)),
  ...["three quarters"].map(levelOf(75)),
];

function levelOf(value: number): (text: string) => Spoken<number> {
  return (text) => ({ text, value });
}

/** A level in percent. */
export function drawLevel(draw: Draw): Spoken<number> {
  if (draw.chance(25)) return draw.pick(NAMED_LEVELS);
  const value = draw.chance(75) ? 5 * draw.below(21) : draw.below(101);
  return { text: percent(draw, value), value };
}

/** A step in percent, without its direction. */
export function drawStep(draw: Draw): Spoken<number> {
  const value = draw.chance(80) ? 5 * (1 + draw.below(10)) : 1 + draw.below(50);
  return { text: percent(draw, value), value };
}

function percent(draw: Draw, value: number): string {
  const words = draw.chance(15) ? inWords(value) : String(value);
  return (
    words +
    (words === String(value) ? draw.pick([" percent", "%", "%", " %", ""]) : draw.pick([" percent", ""]))
  );
}

const NAMED_DURATIONS: readonly Spoken<{ readonly duration: number; readonly unit: DurationUnit }>[] = [
  { text: "half a minute", value: { duration: 30, unit: "seconds" } },
  { text: "a minute", value: { duration: 1, unit: "minutes" } },
  { text: "a quarter of an hour", value: { duration: 15, unit: "minutes" } },
  { text: "half an hour", value: { duration: 30, unit: "minutes" } },
  { text: "an hour", value: { duration: 1, unit: "hours" } },
];

const USUAL_COUNTS: Readonly<Record<DurationUnit, readonly number[]>> = {
  seconds: [10, 15, 20, 30, 40, 45, 50, 60, 90],
  minutes: [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 35, 40, 45, 50, 60, 90],
  hours: [1, 2, 3, 4, 5, 6, 8, 10, 12],
};

const SHORT_UNITS: Readonly<Record<DurationUnit, readonly string[]>> = {
  seconds: ["sec", "secs"],
  minutes: ["min", "mins"],
  hours: ["h", "hrs"],
};

/** A duration in one of the given units. */
export function drawDuration(
  draw: Draw,
  units: readonly DurationUnit[],
): Spoken<{ readonly duration: number; readonly unit: DurationUnit }> {
  const named = NAMED_DURATIONS.filter(({ value }) => units.includes(value.unit));
  if (named.length > 0 && draw.chance(20)) return draw.pick(named);
  const unit = draw.pick(units);
  const duration = draw.chance(85) ? draw.pick(USUAL_COUNTS[unit]) : 1 + draw.below(59);
  const number = duration <= 100 && draw.chance(25) ? inWords(duration) : String(duration);
  const name = duration === 1 ? unit.slice(0, -1) : unit;
  return {
    text: `${number} ${draw.chance(12) ? draw.pick(SHORT_UNITS[unit]) : name}`,
    value: { duration, unit },
  };
}

const NAMED_TIMES: readonly Spoken<string>[] = [
  { text: "midnight", value: "00:00" },
  { text: "noon", value: "12:00" },
  { text: "midday", value: "12:00" },
];

/** A time of day. The value is `HH:MM` in 24-hour format. */
export function drawTime(draw: Draw): Spoken<string> {
  if (draw.chance(8)) return draw.pick(NAMED_TIMES);
  const hour = draw.below(24);
  const minute = draw.chance(60) ? 0 : draw.pick([15, 30, 45, 5 * draw.below(12)]);
  const value = `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
  if (draw.chance(35)) return { text: draw.chance(80) ? value : value.replace(/^0/, ""), value };
  const half = hour < 12 ? "am" : "pm";
  const onTwelve = String(hour % 12 === 0 ? 12 : hour % 12);
  const minutes = minute === 0 ? "" : `:${String(minute).padStart(2, "0")}`;
  const spoken = draw.chance(20) && hour % 12 !== 0 ? inWords(hour % 12) : undefined;
  const words = spoken !== undefined && minutes === "" ? spoken : `${onTwelve}${minutes}`;
  return { text: `${words}${draw.pick([" ", " ", words === spoken ? " " : ""])}${half}`, value };
}

const NAME_WORDS = [
  ...[
    "Alder",
    "Amber",
    "Anna",
    "Apollo",
    "Atlas",
    "Basil",
    "Bear",
    "Birch",
    "Bravo",
    "Cedar",
    "Cloud",
    "Coral",
    "Delta",
  ],
  ...[
    "Dora",
    "Echo",
    "Ember",
    "Falcon",
    "Fern",
    "Fox",
    "Garden",
    "Ghost",
    "Gold",
    "Green",
    "Harbor",
    "Iris",
    "Juno",
  ],
  ...[
    "Kiwi",
    "Lemon",
    "Lion",
    "Luna",
    "Maple",
    "Mango",
    "Max",
    "Meadow",
    "Nova",
    "Oak",
    "Ocean",
    "Olive",
    "Otto",
    "Paul",
  ],
  ...[
    "Pearl",
    "Pine",
    "Quartz",
    "Raven",
    "River",
    "Robin",
    "Ruby",
    "Sage",
    "Silver",
    "Sky",
    "Spark",
    "Stone",
    "Tiger",
  ],
  ...["Tulip", "Vega", "Willow", "Winter", "Wolf", "Zebra", "Zen"],
];

/** One of the given names or a generated similar name, in any case. */
export function drawName(draw: Draw, names: readonly string[]): string {
  const name = draw.chance(40) ? draw.pick(names) : madeUp(draw, names);
  return draw.chance(30) ? name.toLowerCase() : name;
}

function madeUp(draw: Draw, names: readonly string[]): string {
  const first = draw.pick(NAME_WORDS);
  const last = draw.pick(draw.pick(names).split(" "));
  return draw.pick([
    () => `${first} ${draw.pick(NAME_WORDS)}`,
    () => `${first} ${last}`,
    () => `${first}'s ${last}`,
    () => `${first} ${1 + draw.below(99)}`,
    () => `${first}-${draw.pick(NAME_WORDS)}`,
    () => `${first}_${10 + draw.below(9000)}`,
    () => first + draw.pick(NAME_WORDS),
  ])();
}
