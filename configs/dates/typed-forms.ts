/** English dates as people type them and CLDR does not list them: "the 3rd of May '07", "May 3rd", "2007/5/3". */
import type { Calendar } from "./calendar.js";
import { ORDINALS } from "./languages.js";
import { partsOf, type PatternPart } from "./pattern.js";
import { written, type Moment } from "./written.js";

interface TypedForm {
  readonly parts: readonly PatternPart[];
  /** Whether the day is written as 1st, 2nd, 3rd. */
  readonly isOrdinal: boolean;
}

const ORDINAL_PATTERNS = [
  "'the' d 'of' MMMM ''yy",
  "'the' d 'of' MMMM y",
  "'the' d 'of' MMMM, y",
  "'the' d 'of' MMMM",
  "d 'of' MMMM ''yy",
  "d 'of' MMMM y",
  "d 'of' MMMM, y",
  "d 'of' MMMM",
  "d 'of' MMM y",
  "d MMMM ''yy",
  "d MMMM y",
  "d MMM y",
  "d MMMM",
  "EEEE d MMMM y",
  "EEEE d 'of' MMMM",
  "EEEE 'the' d 'of' MMMM y",
  "EEEE, 'the' d 'of' MMMM ''yy",
  "EEEE 'the' d 'of' MMMM",
  "MMMM d ''yy",
  "MMMM d, y",
  "MMM d, y",
  "MMMM d y",
  "MMMM d",
  "MMM d",
  "MMMM 'the' d",
  "MMMM 'the' d, y",
  "EEEE, MMMM d, y",
  "EEE MMM d",
  "'on the' d 'of' MMMM y",
  "'on' MMMM d, y",
];

const PLAIN_PATTERNS = [
  "d MMMM y",
  "d MMM y",
  "d MMMM, y",
  "d MMMM ''yy",
  "d MMM ''yy",
  "d MMM yy",
  "d MMMM",
  "d MMM",
  "MMMM d ''yy",
  "MMM d ''yy",
  "MMMM d y",
  "MMM d y",
  "d-MMM-y",
  "d-MMM-yy",
  "d 'of' MMMM y",
  "EEE d MMM y",
  "EEEE d MMMM y",
  "EEE, d MMM y",
  "EEEE d MMMM",
  "EEE d MMM",
  "'on' d MMMM y",
  "MMMM ''yy",
  "MMM ''yy",
  "MMMM y",
  "MMM y",
  "MMMM 'of' y",
  "MMMM, y",
  "'in' MMMM y",
  "y/M/d",
  "y/MM/dd",
  "y-MM-dd",
  "y-M-d",
  "y.MM.dd",
  "y.M.d",
  "y MMMM d",
  "y MMM d",
  "y-MM",
  "y/MM",
];

export const TYPED_FORMS: readonly TypedForm[] = [
  ...ORDINAL_PATTERNS.map((pattern) => ({ parts: partsOf(pattern), isOrdinal: true })),
  ...PLAIN_PATTERNS.map((pattern) => ({ parts: partsOf(pattern), isOrdinal: false })),
];

/** Two digits of a year mean one of these hundred years, the first and the following. */
const FIRST_SHORT_YEAR = 1950;

/** The moment that the form can say: a form with two digits of the year cannot say 1907. */
export function sayable({ parts }: TypedForm, moment: Moment): Moment {
  const isShort = parts.some((part) => "field" in part && part.field === "yy");
  if (!isShort) return moment;
  const year = FIRST_SHORT_YEAR + ((((moment.year - FIRST_SHORT_YEAR) % 100) + 100) % 100);
  // 29 February needs a leap year: 1900 becomes 2000, which has one; a day too many in another year is not written.
  const days = new Date(Date.UTC(year, moment.month, 0)).getUTCDate();
  return { ...moment, year, day: Math.min(moment.day, days) };
}

/** A moment in a form. */
export function typed({ parts, isOrdinal }: TypedForm, moment: Moment, english: Calendar): string {
  return written(parts, moment, english, (day) =>
    isOrdinal ? `${day}${ORDINALS.en?.suffixOf(day) ?? ""}` : undefined,
  );
}
