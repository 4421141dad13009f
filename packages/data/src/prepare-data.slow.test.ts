import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dataConfig } from "./config/data-config.js";
import { DATA_FILES, prepareData } from "./prepare-data.js";
import type { Row } from "./rows/row.js";
import { sourceKey, SPLITS, type Split } from "./sampling/split.js";
import { prepared, putFile, type Prepared } from "./testing/prepared.test-support.js";

const directory = temporaryFolder();

type Lines = readonly (Row | string | Readonly<Record<string, string>>)[];

const put = (lines: Lines): Promise<string> => putFile(directory, lines);

async function prepare(files: Partial<Record<Split, Lines>>, settings: object = {}): Promise<Prepared> {
  const paths: Record<string, string> = {};
  for (const [split, lines] of Object.entries(files)) paths[split] = await put(lines);
  return prepared(directory, { ...paths, ...settings });
}

function words(n: number): readonly Row[] {
  return Array.from({ length: n }, (_, index) => ({ source: `word${index}`, target: `W ${index}` }));
}

/** In the train split for any two fractions below 0.45, because its hash is 0.98. */
const TRAIN_SOURCE = "anchor8";
const NO_SPLIT = { testFraction: 0, devFraction: 0 };

describe(prepareData, () => {
  test("writes one row per pair to train, and one row per source with all references to the held-out splits", async () => {
    const entries: readonly Row[] = [
      { source: "a", target: "AH" },
      { source: "b", target: "B IY", references: ["B IY", "B EH"] },
      { source: "a", target: "EY" },
    ];
    const { rows, report } = await prepare(
      { train: entries, test: entries.map((row) => ({ ...row, source: `${row.source}2` })) },
      NO_SPLIT,
    );
    expect(rows.train).toEqual([
      { source: "a", target: "AH" },
      { source: "a", target: "EY" },
      { source: "b", target: "B IY" },
      { source: "b", target: "B EH" },
    ]);
    expect(rows.test).toEqual([
      { source: "a2", target: "AH", references: ["AH", "EY"] },
      { source: "b2", target: "B IY", references: ["B IY", "B EH"] },
    ]);
    expect(report).toMatchObject({ rows: 6, splits: { train: 4, dev: 0, test: 2 }, duplicates: 0 });
  });

  test("never puts a source into two splits or loses one, for any fractions", async () => {
    const source = fc.string({ minLength: 1, maxLength: 3 }).filter((text) => text.trim() !== "");
    const row = fc.record({ source, target: fc.constantFrom("X", "Y") });
    const fraction = fc.double({ min: 0, max: 0.45, noNaN: true });
    const property = fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 40 }),
      fraction,
      fraction,
      async (list, testFraction, devFraction) => {
        const anchor = { source: TRAIN_SOURCE, target: "X" };
        const { rows } = await prepare({ train: [anchor, ...list] }, { testFraction, devFraction });
        const keys = SPLITS.map((split) => new Set(rows[split].map((one) => sourceKey(one.source))));
        const all = new Set([anchor, ...list].map((one) => sourceKey(one.source)));
        expect(keys.reduce((sum, set) => sum + set.size, 0)).toBe(all.size);
        const pairs = new Set(
          [anchor, ...list].map((one) => JSON.stringify([sourceKey(one.source), one.target])),
        );
        const kept = SPLITS.flatMap((split) =>
          rows[split].flatMap((one) =>
            (one.references ?? [one.target]).map((text) => JSON.stringify([sourceKey(one.source), text])),
          ),
        );
        expect(new Set(kept)).toEqual(pairs);
        expect(kept).toHaveLength(pairs.size);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });

  test("a source in another case, form or spacing is the same one: its pairs are dropped, its targets kept", async () => {
    const entries: Lines = [
      { source: "Straße 1", target: "X" },
      { source: "straße  1 ", target: "X" },
      { source: "STRAßE １", target: "Y" },
      { source: "Straße 1", target: "X" },
    ];
    const { rows, report } = await prepare({ train: entries }, NO_SPLIT);
    expect(rows.train).toEqual([
      { source: "Straße 1", target: "X" },
      { source: "STRAßE １", target: "Y" },
    ]);
    expect(report).toMatchObject({ duplicates: 1, nearDuplicates: 1, conflicts: 1 });
  });

  test("rows larger than the memory limit give the same files, and no temporary files remain", async () => {
    const lines = Array.from({ length: 3000 }, (_, index) => ({
      source: `source ${(index * 7) % 1000}`,
      target: `T ${index % 5}`,
    }));
    const train = await put(lines);
    const outputs = [join(directory, "held"), join(directory, "spilled")];
    const config = dataConfig.parse({ train, limit: 2000 });
    await prepareData(config, outputs[0]!, { seed: 3 });
    await prepareData(config, outputs[1]!, { seed: 3, memoryUnits: 20_000, bucketBytes: 20_000 });
    for (const split of SPLITS) {
      const [held, spilled] = await Promise.all(
        outputs.map((output) => readFile(join(output, DATA_FILES[split]), "utf8")),
      );
      expect(spilled).toBe(held);
    }
    expect(await readdir(outputs[1]!)).toEqual((await readdir(outputs[0]!)).sort());
  });

  test("a question without an answer has none in every split", async () => {
    const silent: Row = { source: "why", target: "", references: [] };
    const { rows } = await prepare({ train: [silent, ...words(1)], test: [{ ...silent, source: "who" }] });
    expect(rows.train[0]).toEqual(silent);
    expect(rows.test).toEqual([{ source: "who", target: "", references: [""] }]);
  });

  test("a source of the test or dev file is rejected elsewhere, in any case", async () => {
    const { rows, report } = await prepare({
      train: [
        { source: "CAT", target: "T" },
        { source: "dog", target: "D" },
        { source: "cow", target: "C" },
      ],
      dev: [
        { source: "cat", target: "K" },
        { source: "dog", target: "D" },
      ],
      test: [{ source: "cat", target: "K" }],
    });
    expect(rows.test.map(({ source }) => source)).toEqual(["cat"]);
    expect(rows.dev.map(({ source }) => source)).toEqual(["dog"]);
    expect(rows.train.map(({ source }) => source)).toEqual(["cow"]);
    expect(report.rejected.map(({ line, reason }) => [line, reason])).toEqual([
      [1, 'the source "cat" is also in the test file'],
      [1, 'the source "CAT" is also in the test file'],
      [2, 'the source "dog" is also in the dev file'],
    ]);
  });

  test("reports unusable lines and rows over the limits, and keeps the rest", async () => {
    const { rows, report } = await prepare(
      {
        train: [
          "{",
          "",
          { source: "abcd", target: "X" },
          { source: "a", target: "X X X" },
          { source: "a", target: "X" },
        ],
      },
      { ...NO_SPLIT, maxSource: 3, maxTarget: 2, maxRejected: 0.25 },
    );
    expect(rows.train).toEqual([{ source: "a", target: "X" }]);
    expect(report.rejectedCount).toBe(3);
    expect(report.rejected.map(({ line }) => line)).toEqual([1, 3, 4]);
    expect(report.rejected[1]?.reason).toContain("4 characters, expected at most 3");
    expect(report.rejected[2]?.reason).toContain("3 tokens, expected at most 2");
  });

  test("stops if more records are unusable than the recipe allows, and says which and what may help", async () => {
    const train = [...words(95), ...Array.from({ length: 5 }, () => ({ text: "a", label: "b" }))];
    const failure = await prepare({ train }, NO_SPLIT).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringMatching(
        /5 of 100 records are unusable \(5 %\), expected at most 1 % \(data.maxRejected\): .*:96: unknown key "text".*and 2 more/u,
      ) as string,
      suggestions: [
        '--set "data.fields={source: text, target: label}"',
        "slm data inspect FILE",
        "--set data.maxRejected=0.05",
      ],
    });
    expect((await prepare({ train }, { ...NO_SPLIT, maxRejected: 0.05 })).report.rejectedCount).toBe(5);
  });

  test("a limit takes a subset of the training rows that grows with it and leaves the other splits alone", async () => {
    const all = await prepare({ train: words(200) });
    const small = await prepare({ train: words(200) }, { limit: 20 });
    const large = await prepare({ train: words(200) }, { limit: 50 });
    const texts = ({ rows }: Prepared): readonly string[] => rows.train.map(({ source }) => source);
    expect(texts(small)).toHaveLength(20);
    expect(texts(large)).toHaveLength(50);
    expect(texts(large)).toEqual(expect.arrayContaining([...texts(small)]));
    expect(texts(all).filter((source) => texts(small).includes(source))).toEqual(texts(small));
    expect(texts(small)).not.toEqual(texts(all).slice(0, 20));
    expect(small.rows.test).toEqual(all.rows.test);
    expect(small.rows.dev).toEqual(all.rows.dev);
  });

  test("writes the same bytes again, and its report as statistics.json", async () => {
    const config = dataConfig.parse({
      train: await put(words(100)),
      unlabelled: { path: await put(["alone"]) },
    });
    const outputs = [join(directory, "one"), join(directory, "two")];
    const reports = await Promise.all(outputs.map((output) => prepareData(config, output)));
    for (const file of Object.values(DATA_FILES)) {
      const [one, two] = await Promise.all(outputs.map((output) => readFile(join(output, file), "utf8")));
      expect(one).toBe(two);
    }
    expect(JSON.parse(await readFile(join(outputs[0]!, DATA_FILES.statistics), "utf8"))).toEqual(reports[0]);
  });

  test("rejects an input without a training row and says why", async () => {
    await expect(prepare({ train: ["{"] })).rejects.toMatchObject({ code: "DATA_INVALID" });
    await expect(prepare({ train: ["{"] })).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("stops when its signal fires and leaves no files", async () => {
    const config = dataConfig.parse({ train: await put(words(10)) });
    const output = join(directory, "stopped");
    const stopped = prepareData(config, output, { signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ code: "INTERRUPTED" });
    await expect(readFile(join(output, DATA_FILES.train))).rejects.toThrow("ENOENT");
  });
});

describe("dataConfig", () => {
  test("a file of training rows replaces a dataset module; held-out files work with both", () => {
    const files = dataConfig.parse({ train: "a.jsonl", dev: "b.jsonl", source: { module: "./dataset.ts" } });
    expect(files).toEqual({ train: "a.jsonl", dev: "b.jsonl", testFraction: 0.1, devFraction: 0.02 });
    expect(dataConfig.parse(files)).toEqual(files);
    const source = { module: "./dataset.ts" };
    expect(dataConfig.parse({ source, test: "c.jsonl" })).toMatchObject({ source });
  });

  test.each([
    [{}],
    [{ train: "a.jsonl", unlabelled: { kind: "module" } }],
    [{ train: "a.csv", testFraction: 0.6, devFraction: 0.4 }],
  ])("rejects %j", (config) => {
    expect(dataConfig.safeParse(config).success).toBe(false);
  });
});
