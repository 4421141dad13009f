/**
 * CLDR's date patterns: letters are fields, text in quotes and all else is written as it is.
 *
 * Source: Unicode Technical Standard 35, part 4, "Date Format Patterns".
 */
import type { Calendar } from "./calendar.js";

export type PatternPart =
  | { readonly text: string }
  /** One letter, as often as it stands there. */
  | { readonly field: string };

/** A point of time as the task has it: without a time zone. */
export interface Moment {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
}

/** Parts of a pattern in order. `''` is an apostrophe. */
export function partsOf(pattern: string): readonly PatternPart[] {
  const parts: PatternPart[] = [];
  for (const [whole, quoted, field] of pattern.matchAll(/'((?:[^']|'')*)'|(([A-Za-z])\3*)|[^A-Za-z']+/gu)) {
    if (field !== undefined) parts.push({ field });
    else
      parts.push({ text: quoted === undefined ? whole : quoted === "" ? "'" : quoted.replaceAll("''", "'") });
  }
  return parts;
}

const MONTH_WIDTHS = { MMM: "abbreviated", MMMM: "wide", LLL: "abbreviated", LLLL: "wide" } as const;
/** The keys of `days` in CLDR, from Sunday on. */
const DAY_KEYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
const padded = (value: number): string => String(value).padStart(2, "0");

type Write = (moment: Moment, names: Calendar["names"]) => string | undefined;

const month = (form: "format" | "stand-alone", field: keyof typeof MONTH_WIDTHS): Write => {
  return (moment, { months }) => months[form][MONTH_WIDTHS[field]][String(moment.month)];
};
const weekday = (form: "format" | "stand-alone", width: "abbreviated" | "wide"): Write => {
  return ({ year, month: of, day }, { days }) =>
    days[form][width][DAY_KEYS[new Date(Date.UTC(year, of - 1, day)).getUTCDay()]!];
};
const twelve = ({ hour }: Moment): number => ((hour + 11) % 12) + 1;

/** Every field that the patterns of `LANGUAGES` and the typed forms have. */
const FIELDS: Readonly<Record<string, Write>> = {
  y: ({ year }) => String(year),
  yy: ({ year }) => padded(year % 100),
  M: (moment) => String(moment.month),
  MM: (moment) => padded(moment.month),
  MMM: month("format", "MMM"),
  MMMM: month("format", "MMMM"),
  L: (moment) => String(moment.month),
  LL: (moment) => padded(moment.month),
  LLL: month("stand-alone", "LLL"),
  LLLL: month("stand-alone", "LLLL"),
  d: ({ day }) => String(day),
  dd: ({ day }) => padded(day),
  E: weekday("format", "abbreviated"),
  EEE: weekday("format", "abbreviated"),
  EEEE: weekday("format", "wide"),
  ccc: weekday("stand-alone", "abbreviated"),
  cccc: weekday("stand-alone", "wide"),
  H: ({ hour }) => String(hour),
  HH: ({ hour }) => padded(hour),
  h: (moment) => String(twelve(moment)),
  hh: (moment) => padded(twelve(moment)),
  mm: ({ minute }) => padded(minute),
  a: ({ hour }, { dayPeriods }) => dayPeriods[hour < 12 ? "am" : "pm"],
};

/** The day of the month, where it is written otherwise than the pattern says. */
type WriteDay = (day: number) => string | undefined;

/**
 * A moment by a pattern; narrow and no-break spaces become plain ones.
 *
 * @throws RangeError for a field that is not in the table, or a name that the calendar lacks.
 */
export function written(
  parts: readonly PatternPart[],
  moment: Moment,
  { language, names }: Pick<Calendar, "language" | "names">,
  writeDay: WriteDay = () => undefined,
): string {
  const text = parts.map((part) => {
    if ("text" in part) return part.text;
    const own = part.field === "d" ? writeDay(moment.day) : undefined;
    const said = own ?? FIELDS[part.field]?.(moment, names);
    if (said === undefined) throw new RangeError(`${language}: no text for the field '${part.field}'`);
    return said;
  });
  return text
    .join("")
    .replace(/\p{Zs}/gu, " ")
    .trim();
}
