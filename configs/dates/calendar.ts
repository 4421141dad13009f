/** Reads names and date patterns of a language from CLDR's JSON. */
import { join } from "node:path";
import { readJsonFile } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { z } from "zod";
import { partsOf, type PatternPart } from "./pattern.js";

const names = z.record(z.string(), z.string());
const widths = z.object({ abbreviated: names, wide: names });
const forms = z.object({ format: widths, "stand-alone": widths });
/** Patterns are texts; a few depend on plural rules. */
const patterns = z.record(z.string(), z.unknown());

const gregorian = z.object({
  months: forms,
  days: forms,
  dayPeriods: z.object({ format: z.object({ abbreviated: names }) }),
  dateFormats: patterns,
  timeFormats: z.object({ short: z.string() }),
  dateTimeFormats: z.object({ availableFormats: patterns }),
  "dateTimeFormats-atTime": z.object({ standard: z.object({ long: z.string() }) }),
});

const calendarFile = z.object({
  main: z.record(z.string(), z.object({ dates: z.object({ calendars: z.object({ gregorian }) }) })),
});

type Gregorian = z.infer<typeof gregorian>;

export interface Calendar {
  readonly language: string;
  readonly names: Pick<Gregorian, "months" | "days"> & {
    readonly dayPeriods: Readonly<Record<string, string>>;
  };
  /** Date patterns that are unambiguous without knowing the country, without duplicates. */
  readonly dates: readonly (readonly PatternPart[])[];
  readonly times: readonly (readonly PatternPart[])[];
  /** `{1}` is the date and `{0}` the time; words are quoted. */
  readonly both: readonly PatternPart[];
}

/** Keys in `availableFormats` of commonly written dates. */
const DATE_SKELETONS = [
  "MMMd",
  "MMMMd",
  "MMMEd",
  "MMMMEd",
  "yMMM",
  "yMMMM",
  "yMMMd",
  "yMMMEd",
  "yMMMMd",
  "yMMMMEd",
  "yMMMMEEEEd",
  "yMd",
  "yMEd",
];
const DATE_STYLES = ["full", "long", "medium"];
const TIME_SKELETONS = ["Hm", "hm"];

/**
 * Reads the calendar of a language.
 *
 * @param folder CLDR's files, one per locale.
 * @throws SlmError INPUT_MISSING, DATA_INVALID if the file does not have CLDR's structure.
 */
export async function readCalendar(folder: string, language: string): Promise<Calendar> {
  const path = join(folder, `${language}.json`);
  const { main } = await readJsonFile(path, calendarFile, {
    suggestions: ["node tools/data/fetch.mjs cldr"],
  });
  const found = main[language]?.dates.calendars.gregorian;
  if (found === undefined) {
    throw new SlmError(
      "DATA_INVALID",
      `${path}: expected the locale ${language}, got ${Object.keys(main).join(", ")}`,
    );
  }
  const { months, days, dayPeriods, dateFormats, timeFormats, dateTimeFormats } = found;
  const { availableFormats } = dateTimeFormats;
  const dates = [
    ...DATE_STYLES.map((style) => dateFormats[style]),
    ...DATE_SKELETONS.map((skeleton) => availableFormats[skeleton]),
  ];
  const times = [timeFormats.short, ...TIME_SKELETONS.map((skeleton) => availableFormats[skeleton])];
  return {
    language,
    names: { months, days, dayPeriods: dayPeriods.format.abbreviated },
    dates: compiled(dates).filter(isPlain),
    times: compiled(times),
    both: partsOf(found["dateTimeFormats-atTime"].standard.long),
  };
}

/** The distinct text patterns, parsed. */
function compiled(given: readonly unknown[]): readonly (readonly PatternPart[])[] {
  const texts = given.filter((pattern) => typeof pattern === "string");
  return [...new Set(texts)].map((text) => partsOf(text));
}

/**
 * Whether it is clear which number is the day: 3/4/2024 is April 3 in some countries and March 4 in others. A numeric
 * day and month without a year are ambiguous too.
 */
function isPlain(parts: readonly PatternPart[]): boolean {
  const fields = parts.flatMap((part) => ("field" in part ? [part.field] : []));
  const isNumeric = fields.some((field) => /^[ML]{1,2}$/u.test(field));
  const hasSlash = parts.some((part) => "text" in part && part.text.includes("/"));
  return !isNumeric || (!hasSlash && fields.includes("y"));
}

// cspell:ignore MMMMEEE
