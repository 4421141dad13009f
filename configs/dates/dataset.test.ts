import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hashFile } from "@slm/core";
import { temporaryFolder } from "@slm/core/testing";
import { dataConfig, prepareData, readAllRows, type Row, SPLITS } from "@slm/data";
import { beforeAll, describe, expect, test } from "vitest";
import { Draw } from "../shared/draw.js";
import { readCalendar } from "./calendar.js";
import { withNoise } from "./noise.js";
import { partsOf } from "./pattern.js";
import { written } from "./written.js";
import { writeCalendars } from "./testing/calendars.js";
import { sayable, typed, TYPED_FORMS } from "./typed-forms.js";

const module = fileURLToPath(new URL("./dataset.ts", import.meta.url));
const MOMENT = { year: 2024, month: 3, day: 5, hour: 14, minute: 5 };

const calendars = temporaryFolder();
const root = temporaryFolder();
beforeAll(() => writeCalendars(calendars));

describe(written, () => {
  test.each([
    ["en", "EEEE, MMMM d, y", "Tuesday, March 5, 2024"],
    ["en", "h:mm a", "2:05 PM"],
    ["en", "dd.MM.y HH:mm", "05.03.2024 14:05"],
    ["en", "h 'o''clock' a", "2 o'clock PM"],
    ["cs", "EEEE d. MMMM y", "úterý 5. března 2024"],
    ["cs", "LLLL\u202fy", "března 2024"],
  ])("%s %s", async (language, pattern, text) => {
    expect(written(partsOf(pattern), MOMENT, await readCalendar(calendars, language))).toBe(text);
  });

  test("rejects an unknown field", async () => {
    const calendar = await readCalendar(calendars, "en");
    expect(() => written(partsOf("w y"), MOMENT, calendar)).toThrow("en: the field 'w' has no text");
  });
});

describe(readCalendar, () => {
  test("skips dates with a country-dependent order, and patterns that are not text", async () => {
    const { dates, language, names } = await readCalendar(calendars, "en");
    expect(dates.map((parts) => written(parts, MOMENT, { language, names }))).toEqual([
      "Tuesday, March 5, 2024",
      "March 5, 2024",
      "Mar 5, 2024",
      "Mar 5",
      "March 2024",
    ]);
  });

  test("rejects a file with another structure", async () => {
    await writeFile(join(root, "en.json"), '{"main":{}}');
    await expect(readCalendar(root, "en")).rejects.toMatchObject({ code: "DATA_INVALID" });
    await expect(readCalendar(root, "xx")).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });
});

describe(withNoise, () => {
  const texts = (language: "en" | "tr", text: string): ReadonlySet<string> =>
    new Set(Array.from({ length: 300 }, (_, row) => withNoise(new Draw(1, row), language, text)));

  test("never changes the meaning: dots between digits stay", () => {
    for (const text of texts("en", "Mon., 05.03.2024")) expect(text).toContain("05.03.2024");
  });
});

describe("typed forms", () => {
  const texts = async (moment: typeof MOMENT): Promise<readonly string[]> => {
    const english = await readCalendar(calendars, "en");
    return TYPED_FORMS.map((form) => typed(form, sayable(form, moment), english));
  };

  test("are dates as people type them, each form once", async () => {
    const found = await texts({ ...MOMENT, year: 2007, month: 5, day: 3 });
    expect(found).toEqual(
      expect.arrayContaining([
        "the 3rd of May '07",
        "3 May 2007",
        "May 3rd",
        "2007/5/3",
        "3rd of May 2007",
        "May '07",
      ]),
    );
    const november = await texts({ ...MOMENT, month: 11, day: 3 });
    expect(new Set(november).size).toBe(TYPED_FORMS.length);
  });
});

describe("rows", () => {
  let rows: readonly Row[] = [];
  const hashes: string[] = [];
  beforeAll(async () => {
    const source = { module, files: calendars, languages: ["en", "cs", "tr"], rows: 2000 };
    await prepareData(dataConfig.parse({ source }), root, { seed: 1 });
    const files = SPLITS.map((split) => join(root, `${split}.jsonl`));
    rows = (await Promise.all(files.map((file) => readAllRows(file)))).flat();
    for (const file of files) hashes.push((await hashFile(file)).slice(0, 16));
  });

  test("have ISO 8601 dates, months, days without a year, and times that belong to a day", () => {
    const shapes = new Set(rows.map(({ target }) => target.replace(/\d/gu, "0")));
    expect([...shapes].sort()).toEqual([
      "--00-00",
      "--00-00T00:00",
      "0000-00",
      "0000-00-00",
      "0000-00-00T00:00",
    ]);
  });

  test("include typed forms of English if the recipe asks for them", async () => {
    const source = { module, files: calendars, languages: ["cs"], typed: 50, rows: 400 };
    const output = join(root, "typed");
    await prepareData(dataConfig.parse({ source }), output, { seed: 1 });
    const read = await Promise.all(SPLITS.map((split) => readAllRows(join(output, `${split}.jsonl`))));
    const mixed = read.flat();
    expect(mixed.some(({ source }) => /\bof\b/iu.test(source))).toBe(true);
    expect(mixed.some(({ source }) => /března|BŘEZNA/u.test(source))).toBe(true);
    expect(mixed.filter(({ references }) => (references ?? []).length > 1)).toEqual([]);
  });

  test("are never ambiguous", () => {
    expect(rows.filter(({ references }) => (references ?? []).length > 1)).toEqual([]);
  });

  test("are the same for the same seed", () => {
    expect(hashes).toEqual(["87b6912649130e32", "eb7f39e3a1653b2a", "147b9a029f14eb22"]);
  });
});
