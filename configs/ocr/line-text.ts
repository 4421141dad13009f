/**
 * Generates lines of text: words, sentences, names, numbers, dates, prices, codes, and random letters.
 *
 * Lines without words prevent the model from guessing what it cannot see.
 */
import type { Draw } from "../shared/draw.js";
import {
  ADJECTIVES,
  DAYS,
  FIRST_NAMES,
  LABELS,
  LAST_NAMES,
  MONTHS,
  NOUNS,
  STREETS,
  UNITS,
  VERBS,
} from "./words.js";

type Maker = (draw: Draw) => string;

const between = (draw: Draw, low: number, high: number): number => low + draw.below(high - low + 1);
const digits = (draw: Draw, count: number): string =>
  Array.from({ length: count }, () => draw.below(10)).join("");
const padded = (value: number): string => String(value).padStart(2, "0");
const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER = UPPER.toLowerCase();
/** All marks in lines, in addition to letters, digits and spaces. All typefaces contain them. */
const MARKS = ".,:;!?'\"()-/&%#+*=@€£$_[]<>";

/** Uniformly random letters from a set. */
function letters(draw: Draw, set: string, count: number): string {
  return Array.from({ length: count }, () => set.charAt(draw.below(set.length))).join("");
}

const ONSETS =
  "b c d f g h j k l m n p r s t v w z br cl dr fl gr pl pr sh sk sl sp st th tr tw qu x y ch".split(" ");
const VOWELS = "a e i o u ai ea ee oo ou ie".split(" ");
const CODAS = ["", "", "b", "ck", "d", "ft", "l", "ll", "m", "n", "nd", "ng", "p", "r", "rn", "s", "t", "x"];

/** A synthetic word. */
function madeUpWord(draw: Draw): string {
  const syllables = between(draw, 1, 3);
  return Array.from({ length: syllables }, () =>
    [draw.pick(ONSETS), draw.pick(VOWELS), draw.pick(CODAS)].join(""),
  ).join("");
}

function word(draw: Draw): string {
  const kind = draw.below(10);
  if (kind < 4) return draw.pick(NOUNS);
  if (kind < 6) return draw.pick(ADJECTIVES);
  return kind < 7 ? draw.pick(VERBS) : madeUpWord(draw);
}

function words(draw: Draw): string {
  const list = Array.from({ length: between(draw, 1, 4) }, () => word(draw));
  const style = draw.below(10);
  if (style < 4) return list.join(" ");
  if (style < 6) return capital(list.join(" "));
  if (style < 8) return list.map(capital).join(" ");
  return style < 9 ? list.join(" ").toUpperCase() : list.join(draw.pick(["-", "/", ", ", " & ", " + "]));
}

function sentence(draw: Draw): string {
  const who = draw.chance(50) ? `the ${draw.pick(NOUNS)}` : draw.pick(FIRST_NAMES);
  const what = draw.chance(40) ? `${draw.pick(ADJECTIVES)} ${draw.pick(NOUNS)}` : draw.pick(NOUNS);
  const end = draw.pick([".", ".", "!", "?", ""]);
  return `${capital(who)} ${draw.pick(VERBS)} ${draw.pick(["a", "the", "one", "my"])} ${what}${end}`;
}

function name(draw: Draw): string {
  const [first, last] = [draw.pick(FIRST_NAMES), draw.pick(LAST_NAMES)];
  return draw.pick([
    `${first} ${last}`,
    `${last}, ${first}`,
    `${first.charAt(0)}. ${last}`,
    `Dr. ${first} ${last}`,
    `${first} ${letters(draw, UPPER, 1)}. ${last}`,
    `${first.toUpperCase()} ${last.toUpperCase()}`,
  ]);
}

function number(draw: Draw): string {
  const value = digits(draw, between(draw, 1, 7)).replace(/^0+(?=\d)/, "");
  const grouped = value.replace(/\B(?=(\d{3})+$)/g, ",");
  return draw.pick([
    value,
    grouped,
    `${value}.${digits(draw, between(draw, 1, 3))}`,
    `-${value}`,
    `${draw.below(101)}%`,
    `${draw.below(101)}.${draw.below(10)} %`,
    `#${value}`,
    `${draw.below(999)} x ${draw.below(999)}`,
    `${draw.below(99)} + ${draw.below(99)} = ${draw.below(199)}`,
    `${value} ${draw.pick(UNITS)}`,
    `${draw.below(100)}.${draw.below(10)} ${draw.pick(UNITS)}`,
  ]);
}

function date(draw: Draw): string {
  const [day, month, year] = [between(draw, 1, 28), between(draw, 1, 12), between(draw, 1950, 2049)];
  const monthName = MONTHS[month - 1]!;
  return draw.pick([
    `${year}-${padded(month)}-${padded(day)}`,
    `${padded(day)}.${padded(month)}.${year}`,
    `${day}/${month}/${padded(year % 100)}`,
    `${padded(month)}/${padded(day)}/${year}`,
    `${day} ${monthName} ${year}`,
    `${monthName} ${day}, ${year}`,
    `${draw.pick(DAYS)}, ${day} ${monthName}`,
    `${draw.pick(DAYS).slice(0, 3)} ${day} ${monthName.slice(0, 3)} ${year}`,
  ]);
}

function time(draw: Draw): string {
  const [hour, minute] = [draw.below(24), padded(draw.below(60))];
  return draw.pick([
    `${padded(hour)}:${minute}`,
    `${hour}:${minute}:${padded(draw.below(60))}`,
    `${(hour % 12) + 1}:${minute} ${draw.pick(["am", "pm", "AM", "PM"])}`,
    `${padded(hour)}:${minute} - ${padded(draw.below(24))}:${padded(draw.below(60))}`,
    `${draw.pick(DAYS)} ${padded(hour)}:${minute}`,
  ]);
}

function price(draw: Draw): string {
  const amount = `${draw.below(draw.chance(30) ? 10_000 : 100)}.${digits(draw, 2)}`;
  const money = draw.pick([
    `$${amount}`,
    `€${amount}`,
    `£${amount}`,
    `${amount} €`,
    `EUR ${amount}`,
    `${amount} USD`,
  ]);
  return draw.pick([
    money,
    `${draw.pick(LABELS)}: ${money}`,
    `${draw.pick(NOUNS)} ${money}`,
    `${between(draw, 2, 24)} x ${money}`,
    `${draw.pick(LABELS)} ${money}`,
  ]);
}

function code(draw: Draw): string {
  const [some, more] = [letters(draw, UPPER, between(draw, 1, 3)), digits(draw, between(draw, 2, 5))];
  const mixed = letters(draw, UPPER + "0123456789", between(draw, 4, 9));
  return draw.pick([
    `${some}-${more}`,
    `${some}${more}`,
    mixed,
    `${mixed}-${letters(draw, UPPER, 1)}`,
    `${draw.pick(LABELS)} ${some}${more}`,
    `${draw.pick(LABELS)} no. ${more}`,
    `${digits(draw, 3)}-${digits(draw, 4)}-${digits(draw, 2)}`,
    `(${digits(draw, 3)}) ${digits(draw, 3)}-${digits(draw, 4)}`,
    `+${between(draw, 1, 99)} ${digits(draw, 3)} ${digits(draw, 4)}`,
    letters(draw, "0123456789abcdef", between(draw, 4, 10)),
    `v${draw.below(20)}.${draw.below(20)}.${draw.below(50)}`,
  ]);
}

function address(draw: Draw): string {
  const street = `${capital(draw.pick(NOUNS))} ${draw.pick(STREETS)}`;
  const who = draw.chance(50) ? madeUpWord(draw) : draw.pick(FIRST_NAMES).toLowerCase();
  return draw.pick([
    `${between(draw, 1, 299)} ${street}`,
    `${street} ${between(draw, 1, 299)}${draw.pick(["", "a", "b", "c"])}`,
    `${digits(draw, 5)} ${capital(madeUpWord(draw))}`,
    `${who}@${draw.pick(NOUNS)}.example`,
    `www.${draw.pick(NOUNS)}-${draw.pick(NOUNS)}.example`,
  ]);
}

/** Random letters, digits and marks. */
function scramble(draw: Draw): string {
  const set = draw.pick([UPPER, LOWER, UPPER + LOWER, UPPER + LOWER + "0123456789" + MARKS]);
  const groups = Array.from({ length: between(draw, 1, 4) }, () => letters(draw, set, between(draw, 1, 7)));
  return groups.join(" ");
}

/** Kinds of lines with their shares [%]. */
const KINDS: readonly (readonly [number, Maker])[] = [
  [26, words],
  [14, sentence],
  [8, name],
  [10, number],
  [8, date],
  [4, time],
  [9, price],
  [9, code],
  [5, address],
  [7, scramble],
];
const SHARES = KINDS.reduce((sum, [share]) => sum + share, 0);

/** Attempts to draw a line that fits. Then a long line is truncated, after a word if possible. */
const MAX_DRAWS = 8;

/** A line of 1 to `maxCharacters` characters, without outer spaces. */
export function drawText(draw: Draw, maxCharacters: number): string {
  let text = "";
  for (let attempt = 0; attempt < MAX_DRAWS; attempt++) {
    text = makerOf(draw)(draw);
    if (text.length <= maxCharacters) return text;
  }
  const cut = text.slice(0, maxCharacters + 1).lastIndexOf(" ");
  return text.slice(0, cut > 0 ? cut : maxCharacters).trim();
}

function makerOf(draw: Draw): Maker {
  let left = draw.below(SHARES);
  for (const [share, maker] of KINDS) {
    left -= share;
    if (left < 0) return maker;
  }
  return scramble;
}
