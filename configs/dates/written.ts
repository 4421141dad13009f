/**
 * Formats dates by CLDR's patterns.
 *
 * Source: Unicode Technical Standard 35, part 4, "Date Format Patterns".
 */
import type { Calendar } from "./calendar.js";
import type { PatternPart } from "./pattern.js";

/** A point in time without a time zone. */
export interface Moment {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
}

const MONTH_WIDTHS = { MMM: "abbreviated", MMMM: "wide", LLL: "abbreviated", LLLL: "wide" } as const;
/** CLDR's keys of `days`, starting with Sunday. */
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

/** Text of the day of the month, if it differs from the pattern. */
type WriteDay = (day: number) => string | undefined;

/**
 * Formats a moment. Narrow and no-break spaces become plain spaces.
 *
 * @throws RangeError for an unknown field, or a name that the calendar lacks.
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
    if (said === undefined) throw new RangeError(`${language}: the field '${part.field}' has no text`);
    return said;
  });
  return text
    .join("")
    .replace(/\p{Zs}/gu, " ")
    .trim();
}
