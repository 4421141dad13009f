/** The rows of the first hour: dates as people write them, and in ISO 8601. */
import { writeFile } from "node:fs/promises";
import { randomNumbers } from "../lib/random-numbers.mjs";

const MONTHS = [
  ...["January", "February", "March", "April", "May", "June"],
  ...["July", "August", "September", "October", "November", "December"],
];
const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const two = (number: number): string => String(number).padStart(2, "0");
const suffixOf = (day: number): string =>
  day > 10 && day < 14 ? "th" : (["th", "st", "nd", "rd"][day % 10] ?? "th");

interface WrittenDate {
  readonly day: number;
  readonly month: string;
  readonly number: number;
  readonly year: number;
  readonly weekday: string;
}

/** Unambiguous ways to write a date. */
const STYLES: readonly ((date: WrittenDate) => string)[] = [
  ({ day, month, year }) => `${day} ${month} ${year}`,
  ({ day, month, year }) => `${month} ${day}, ${year}`,
  ({ day, month, year }) => `the ${day}${suffixOf(day)} of ${month} ${year}`,
  ({ day, month, year }) => `${day} ${month.slice(0, 3)} ${year}`,
  ({ day, number, year }) => `${two(day)}.${two(number)}.${year}`,
  ({ day, month, year, weekday }) => `${weekday}, ${day} ${month} ${year}`,
];

/** Writes `written,iso` rows as CSV, each date once. */
export async function writeDates(path: string, count: number): Promise<void> {
  const random = randomNumbers(7);
  const pick = (bound: number): number => Math.floor(random() * bound);
  const lines = new Map<string, string>();
  while (lines.size < count) {
    const at = new Date(Date.UTC(1950 + pick(100), pick(12), 1 + pick(28)));
    const number = at.getUTCMonth() + 1;
    const date = {
      day: at.getUTCDate(),
      month: MONTHS[number - 1]!,
      number,
      year: at.getUTCFullYear(),
      weekday: WEEKDAYS[at.getUTCDay()]!,
    };
    const written = STYLES[pick(STYLES.length)]!(date);
    lines.set(written, `"${written}",${at.toISOString().slice(0, 10)}`);
  }
  await writeFile(path, `written,iso\n${[...lines.values()].join("\n")}\n`);
}
