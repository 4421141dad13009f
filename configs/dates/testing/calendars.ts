// cspell:disable: names of months and days
/** Small calendars in CLDR's format, for tests without network access. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

interface Names {
  readonly months: readonly string[];
  readonly days: readonly string[];
  readonly dates: Readonly<Record<"full" | "long" | "medium", string>>;
  readonly available: Readonly<Record<string, string>>;
  readonly time: string;
  readonly both: string;
}

const NAMES: Readonly<Record<string, Names>> = {
  en: {
    months: "January February March April May June July August September October November December".split(
      " ",
    ),
    days: "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" "),
    dates: { full: "EEEE, MMMM d, y", long: "MMMM d, y", medium: "MMM d, y" },
    available: { MMMd: "MMM d", yMMMM: "MMMM y", yMd: "M/d/y", Hm: "HH:mm", hm: "h:mm a" },
    time: "h:mm a",
    both: "{1} 'at' {0}",
  },
  cs: {
    months: "ledna února března dubna května června července srpna září října listopadu prosince".split(" "),
    days: "neděle pondělí úterý středa čtvrtek pátek sobota".split(" "),
    dates: { full: "EEEE d. MMMM y", long: "d. MMMM y", medium: "d. M. y" },
    available: { MMMd: "d. M.", MMMMd: "d. MMMM", yMMMM: "LLLL y", yMd: "d. M. y", Hm: "H:mm" },
    time: "H:mm",
    both: "{1} 'v' {0}",
  },
  tr: {
    months: "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık".split(" "),
    days: "Pazar Pazartesi Salı Çarşamba Perşembe Cuma Cumartesi".split(" "),
    dates: { full: "d MMMM y EEEE", long: "d MMMM y", medium: "d MMM y" },
    available: { MMMd: "d MMM", yMMMM: "MMMM y", yMd: "dd.MM.y", Hm: "HH:mm" },
    time: "HH:mm",
    both: "{1} {0}",
  },
};

const KEYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** Both widths and both forms of a list of names. Short names have three letters. */
function forms(keys: readonly string[], names: readonly string[]): object {
  const wide = Object.fromEntries(keys.map((key, place) => [key, names[place]]));
  const abbreviated = Object.fromEntries(keys.map((key, place) => [key, names[place]!.slice(0, 3)]));
  return { format: { abbreviated, wide }, "stand-alone": { abbreviated, wide } };
}

/** Writes one file per language. */
export async function writeCalendars(folder: string): Promise<void> {
  for (const [language, { months, days, dates, available, time, both }] of Object.entries(NAMES)) {
    const gregorian = {
      months: forms(
        months.map((_, place) => String(place + 1)),
        months,
      ),
      days: forms(KEYS, days),
      dayPeriods: { format: { abbreviated: { am: "AM", pm: "PM" } } },
      dateFormats: dates,
      timeFormats: { short: time },
      dateTimeFormats: { availableFormats: { ...available, yw: { "pattern-count-other": "week w of y" } } },
      "dateTimeFormats-atTime": { standard: { long: both } },
    };
    const file = { main: { [language]: { dates: { calendars: { gregorian } } } } };
    await writeFile(join(folder, `${language}.json`), JSON.stringify(file));
  }
}
