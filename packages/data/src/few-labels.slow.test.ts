import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dataConfig } from "./config/data-config.js";
import { DATA_FILES, prepareData, type DataReport } from "./prepare-data.js";
import { readRows, readSources } from "./formats/read-rows.js";
import type { Row } from "./rows/row.js";
import { sourceKey, SPLITS, type Split } from "./sampling/split.js";

const directory = temporaryFolder();

let counter = 0;

interface Prepared {
  readonly report: DataReport;
  readonly rows: Readonly<Record<Split, readonly Row[]>>;
  readonly unlabelled: readonly string[];
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

async function prepare(rows: readonly Row[], settings: object, seed = 1): Promise<Prepared> {
  const train = join(directory, `rows-${counter++}.jsonl`);
  await writeFile(train, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const output = join(directory, `out-${counter++}`);
  const config = dataConfig.parse({ train, ...settings });
  // Small buckets, so that rows are distributed over several.
  const report = await prepareData(config, output, { seed, bucketBytes: 64 });
  const read = (split: Split): Promise<Row[]> => all(readRows(join(output, DATA_FILES[split])));
  const [own, dev, tests] = await Promise.all(SPLITS.map(read));
  return {
    report,
    rows: { train: own!, dev: dev!, test: tests! },
    unlabelled: await all(readSources(join(output, DATA_FILES.unlabelled))),
  };
}

const words = (count: number): Row[] =>
  Array.from({ length: count }, (_, index) => ({ source: `word${index}`, target: `W ${index}` }));

const splits = { testFraction: 0.2, devFraction: 0.1 };
const pairOf = ({ source, target }: Row): string => JSON.stringify([source, target]);

describe("few labels", () => {
  test("keep the targets of that many rows, and only the sources of the others", async () => {
    const whole = await prepare(words(200), { ...splits, labels: 1000 });
    const { report, rows, unlabelled } = await prepare(words(200), { ...splits, labels: 30 });
    expect(rows.train).toHaveLength(30);
    expect([...rows.train.map(({ source }) => source), ...unlabelled].sort()).toEqual(
      whole.rows.train.map(({ source }) => source).sort(),
    );
    expect(report.labels).toEqual({ labelled: 30, unlabelled: unlabelled.length });
    expect(report.splits.train).toBe(30);
    expect(whole.report.labels).toEqual({ labelled: whole.rows.train.length, unlabelled: 0 });
    // Dev and test are the same as with all labels.
    expect([rows.dev, rows.test]).toEqual([whole.rows.dev, whole.rows.test]);
    expect(rows.test.length).toBeGreaterThan(10);
  });

  test("are drawn by the seed, and more labels only add", async () => {
    const labelled = async (labels: number, seed: number): Promise<Set<string>> =>
      new Set((await prepare(words(120), { ...splits, labels }, seed)).rows.train.map(pairOf));
    const [few, more, other] = [await labelled(10, 1), await labelled(40, 1), await labelled(10, 2)];
    expect([...few].every((pair) => more.has(pair))).toBe(true);
    expect([...few].filter((pair) => !other.has(pair)).length).toBeGreaterThan(3);
    expect(await labelled(10, 1)).toEqual(few);
  });

  test("for any rows, no source is in two places or lost", async () => {
    const row = fc.record({
      source: fc.stringMatching(/^[aAbBc]{1,3}$/u),
      target: fc.constantFrom("X", "Y", "Z"),
    });
    const property = fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 0, max: 3 }),
      async (list, labels, seed) => {
        // In the train split for any fractions.
        const given = [{ source: "anchor8", target: "X" }, ...list];
        const full = await prepare(given, { ...splits, labels: 1000 }, seed);
        const { rows, unlabelled } = await prepare(given, { ...splits, labels }, seed);
        expect(rows.train).toHaveLength(Math.min(labels, full.rows.train.length));
        const allowed = new Set(full.rows.train.map(pairOf));
        expect(rows.train.filter((one) => !allowed.has(pairOf(one)))).toEqual([]);
        const keys = SPLITS.map((split) => new Set(rows[split].map(({ source }) => sourceKey(source))));
        const own = unlabelled.map(sourceKey);
        expect(new Set(own).size).toBe(own.length);
        expect(own.filter((key) => keys.some((split) => split.has(key)))).toEqual([]);
        const trained = new Set(full.rows.train.map(({ source }) => sourceKey(source)));
        expect(new Set([...keys[0]!, ...own])).toEqual(trained);
      },
    );
    await fc.assert(property, { numRuns: 30 });
  });

  test("come before the recipe's unlabelled sources, without repeats", async () => {
    const path = join(directory, "more.txt");
    await writeFile(path, "WORD3\nnew one\nword5\n");
    const { report, unlabelled } = await prepare(words(40), {
      testFraction: 0,
      devFraction: 0,
      labels: 10,
      unlabelled: { path },
    });
    expect(unlabelled).toHaveLength(31);
    expect(unlabelled.at(-1)).toBe("new one");
    expect(report).toMatchObject({ labels: { labelled: 10, unlabelled: 30 }, unlabelled: { rows: 1 } });
  });

  test("augmentation uses only labelled rows", async () => {
    // Every name is a single Cyrillic or Armenian letter, so each generated name occurs in the data.
    const letters = Array.from({ length: 60 }, (_, index) =>
      String.fromCodePoint(index < 32 ? 0x430 + index : 0x561 + index - 32),
    );
    const rows = letters.map((who) => ({ source: `call ${who} now`, target: JSON.stringify({ who }) }));
    const augment = { copies: 2 };
    const { rows: written, report } = await prepare(rows, { ...splits, labels: 12, augment });
    const [kept, copies] = [written.train.slice(0, 12), written.train.slice(12)];
    expect(report.augmented).toBe(copies.length);
    const values = new Set(kept.map(({ target }) => target));
    for (const { target } of copies) expect(values.has(target)).toBe(true);
  });

  test("are rejected for rows that cannot become unlabelled sources", async () => {
    const rows = words(10).map((row) => ({ ...row, teacherSource: `say ${row.source}` }));
    await expect(prepare(rows, { ...splits, labels: 3 })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    expect(dataConfig.safeParse({ train: "x.jsonl", labels: 0 }).success).toBe(false);
  });
});
