/** Names and patterns of dates in one language, out of CLDR's JSON. */
import { join } from "node:path";
import { readJsonFile } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { z } from "zod";
import { partsOf, type PatternPart } from "./pattern.js";

const names = z.record(z.string(), z.string());
const widths = z.object({ abbreviated: names, wide: names });
const forms = z.object({ format: widths, "stand-alone": widths });
/** Patterns are texts; a few are numbered by plural rules. */
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
  /** Patterns of dates that can be read without knowing the country; each once. */
  readonly dates: readonly (readonly PatternPart[])[];
  readonly times: readonly (readonly PatternPart[])[];
  /** `{1}` is the date and `{0}` the time; words in quotes. */
  readonly both: readonly PatternPart[];
}

/** Names in `availableFormats` of dates as people write them. */
const DATE_SKELETONS = [
  ...["MMMd", "MMMMd", "MMMEd", "MMMMEd", "yMMM", "yMMMM", "yMMMd", "yMMMEd", "yMMMMd", "yMMMMEd"],
  ...["yMMMMEEEEd", "yMd", "yMEd"],
];
const DATE_STYLES = ["full", "long", "medium"];
const TIME_SKELETONS = ["Hm", "hm"];

/**
 * The calendar of a language.
 *
 * @param folder of CLDR's files, one for each locale.
 * @throws SlmError INPUT_MISSING, DATA_INVALID if the file is not in CLDR's form.
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

/** Texts among the patterns, each once, in parts. */
function compiled(given: readonly unknown[]): readonly (readonly PatternPart[])[] {
  const texts = given.filter((pattern) => typeof pattern === "string");
  return [...new Set(texts)].map((text) => partsOf(text));
}

/**
 * Whether a date says which number is the day: 3/4/2024 is the third of April in one country and the fourth of March in another, and
 * so is a day and a month in figures without a year.
 */
function isPlain(parts: readonly PatternPart[]): boolean {
  const fields = parts.flatMap((part) => ("field" in part ? [part.field] : []));
  const isNumeric = fields.some((field) => /^[ML]{1,2}$/u.test(field));
  const hasSlash = parts.some((part) => "text" in part && part.text.includes("/"));
  return !isNumeric || (!hasSlash && fields.includes("y"));
}

// cspell:ignore MMMMEEE
