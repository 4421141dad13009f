import { temporaryFolder } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dataConfig } from "./config/data-config.js";
import type { Row } from "./rows/row.js";
import { sourceKey, SPLITS } from "./sampling/split.js";
import { prepared, putFile, type Prepared } from "./testing/prepared.test-support.js";

const directory = temporaryFolder();

const prepare = async (rows: readonly Row[], settings: object, seed = 1): Promise<Prepared> =>
  // Small buckets, so that rows are distributed over several.
  prepared(directory, { train: await putFile(directory, rows), ...settings }, { seed, bucketBytes: 64 });

const words = (count: number): Row[] =>
  Array.from({ length: count }, (_, index) => ({ source: `word${index}`, target: `W ${index}` }));

const splits = { testFraction: 0.2, devFraction: 0.1 };
const pairOf = ({ source, target }: Row): string => JSON.stringify([source, target]);

describe("few labels", () => {
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
        // Dev and test are the same as with all labels.
        expect([rows.dev, rows.test]).toEqual([full.rows.dev, full.rows.test]);
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
    const path = await putFile(directory, "WORD3\nnew one\nword5\n", "more.txt");
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
