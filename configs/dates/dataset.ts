/**
 * Dates and times in thirty languages, and in ISO 8601.
 *
 *   "martes, 5 de marzo de 2024"   ->  "2024-03-05"
 *   "5. BŘEZNA, 14:30"             ->  "--03-05T14:30"     no year
 *   "March 2024"                   ->  "2024-03"
 *
 * Names and patterns are from CLDR. Dates, patterns and noise are random, from a seed. The source does not name the language.
 * Source: ISO 8601; for dates without a year RFC 6350, section 4.3.1.
 */
import { defineDataset, type Row } from "@slm/data";
import { z } from "zod";
import { Draw } from "../shared/draw.js";
import { sourceFolder } from "../shared/user-cache.js";
import { readCalendar, type Calendar } from "./calendar.js";
import { LANGUAGES, ORDINALS, type Language } from "./languages.js";
import { withNoise } from "./noise.js";
import type { PatternPart } from "./pattern.js";
import { written, type Moment } from "./written.js";
import { sayable, typed, TYPED_FORMS } from "./typed-forms.js";

export const settings = z.strictObject({
  files: z
    .string()
    .optional()
    .describe("Folder of CLDR's calendars (node tools/data/fetch.mjs cldr). Default: in the user's cache."),
  languages: z
    .array(z.enum(LANGUAGES))
    .min(1)
    .default([...LANGUAGES])
    .describe("Languages, with equal shares."),
  typed: z
    .number()
    .min(0)
    .max(100)
    .default(0)
    .describe("Rows in English forms that people type and CLDR does not list [%]: the 3rd of May '07."),
  rows: z.int().positive().max(10_000_000).default(24_000).describe("Dates [rows]."),
  seed: z
    .int()
    .nonnegative()
    .default(1)
    .describe("Seed of the dates; more rows do not change the first ones."),
});

type Settings = z.infer<typeof settings>;

/** Rows with a time in addition to the date [%]. */
const WITH_TIME = 25;
/** Rows with the day as an ordinal number, if the language has one [%]. */
const ORDINAL = 25;
/** Range of years. */
const FIRST_YEAR = 1900;
const YEARS = 150;

async function* examples(
  { files, languages, typed: typedShare, rows, seed }: Settings,
  { directory }: { readonly directory: string },
): AsyncGenerator<Row> {
  const folder = sourceFolder("cldr-dates-full-48.2.0", files, directory);
  const calendars = await Promise.all(
    languages.map(async (language) => ({ language, calendar: await readCalendar(folder, language) })),
  );
  const english = typedShare === 0 ? undefined : await readCalendar(folder, "en");
  for (let place = 1; place <= rows; place++) {
    const draw = new Draw(seed, place);
    if (english !== undefined && draw.chance(typedShare)) {
      yield typedRow(draw, english);
      continue;
    }
    const { language, calendar } = draw.pick(calendars);
    yield dateRow(draw, language, calendar);
  }
}

/** A date in a language. */
export function dateRow(draw: Draw, language: Language, calendar: Calendar): Row {
  const moment = drawMoment(draw);
  const parts = draw.pick(calendar.dates);
  const ordinals = draw.chance(ORDINAL) ? ORDINALS[language] : undefined;
  const date = written(parts, moment, calendar, (day) => {
    const suffix = ordinals?.suffixOf(day);
    return suffix === undefined ? undefined : `${day}${suffix}`;
  });
  const day = isoDate(parts, moment);
  // A time requires a day: "March 2024, 14:30" is not a time.
  if (!draw.chance(WITH_TIME) || !hasField(parts, "d"))
    return { source: withNoise(draw, language, date), target: day };
  const time = written(draw.pick(calendar.times), moment, calendar);
  const both = calendar.both.map((part) => ("text" in part ? part.text : part.field)).join("");
  const source = both.replace("{1}", () => date).replace("{0}", () => time);
  return {
    source: withNoise(draw, language, source),
    target: `${day}T${pad(moment.hour)}:${pad(moment.minute)}`,
  };
}

/** An English date as people type it, without a time. */
function typedRow(draw: Draw, english: Calendar): Row {
  const form = draw.pick(TYPED_FORMS);
  const moment = sayable(form, drawMoment(draw));
  const source = withNoise(draw, "en", typed(form, moment, english));
  return { source, target: isoDate(form.parts, moment) };
}

function drawMoment(draw: Draw): Moment {
  const year = FIRST_YEAR + draw.below(YEARS);
  const month = 1 + draw.below(12);
  const day = 1 + draw.below(new Date(Date.UTC(year, month, 0)).getUTCDate());
  return { year, month, day, hour: draw.below(24), minute: 5 * draw.below(12) };
}

const pad = (value: number): string => String(value).padStart(2, "0");
const hasField = (parts: readonly PatternPart[], letter: string): boolean =>
  parts.some((part) => "field" in part && part.field.startsWith(letter));

/** The parts of a date that a pattern contains, in ISO format: `YYYY-MM-DD`; `--MM-DD` without the year; `YYYY-MM` without the day. */
export function isoDate(parts: readonly PatternPart[], { year, month, day }: Moment): string {
  const start = hasField(parts, "y") ? `${year}-` : "--";
  return hasField(parts, "d") ? `${start}${pad(month)}-${pad(day)}` : `${start}${pad(month)}`;
}

export default defineDataset({ settings, examples });

// cspell:ignore martes marzo března BŘEZNA
