import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { DATA_FILES, dataConfig, type DataReport, prepareData, readAllRows, type Row } from "@slm/data";
import { beforeAll, describe, expect, test } from "vitest";
import { exampleOf, examples } from "./dataset.js";

const module = fileURLToPath(new URL("./dataset.ts", import.meta.url));

describe(exampleOf, () => {
  test.each([
    ["CAT", "K AE1 T", "cat", "K AE T"],
    ["A(1)", "EY1", "a", "EY"],
    ["A'S", "EY1 Z", "a's", "EY Z"],
    ["HOUSE(12)", "HH AW1 S", "house", "HH AW S"],
  ])("reads %s as an example", (word, phonemes, source, target) => {
    expect(exampleOf(word, phonemes, false)).toEqual({ source, target });
  });

  test("keeps stress digits if requested", () => {
    expect(exampleOf("CAT", "K AE1 T", true)).toEqual({ source: "cat", target: "K AE1 T" });
  });

  test.each([
    ["A42128", "EY1"],
    ["AD-HOC", "AE1 D"],
    ["A.", "EY1"],
    ["CAT", ""],
    ["CAT", "K  T"],
    ["CAT", 3],
  ])("rejects %j with %j", (word, phonemes) => {
    expect(exampleOf(word, phonemes, false)).toEqual({ reject: expect.any(String) as string });
  });
});

describe(examples, () => {
  const directory = temporaryFolder();
  let report: DataReport;
  let rows: { readonly train: readonly Row[]; readonly dev: readonly Row[]; readonly test: readonly Row[] };
  beforeAll(async () => {
    report = await prepareData(dataConfig.parse({ source: { module } }), directory);
    const read = (split: keyof typeof rows): Promise<readonly Row[]> =>
      readAllRows(join(directory, DATA_FILES[split]));
    rows = { train: await read("train"), dev: await read("dev"), test: await read("test") };
  }, 180_000);

  test("reads the whole dictionary: 133,784 entries, and rejects 1,199 with other characters than letters", () => {
    expect(report.rejectedCount).toBe(1199);
    const held = [...rows.dev, ...rows.test].reduce((sum, row) => sum + (row.references ?? []).length, 0);
    expect(rows.train.length + held + report.duplicates + report.rejectedCount).toBe(133_784);
    expect(report).toMatchObject({ sourceSymbols: 27, targetSymbols: 39, sourceLengths: { max: 34 } });
  });

  test("has about 10 % of the words in test and 2 % in dev, without duplicates", () => {
    const trainWords = new Set(rows.train.map(({ source }) => source));
    const total = trainWords.size + rows.dev.length + rows.test.length;
    expect(total).toBe(123_874);
    expect(rows.test.length / total).toBeCloseTo(0.1, 2);
    expect(rows.dev.length / total).toBeCloseTo(0.02, 2);
    const held = [...rows.dev, ...rows.test].map(({ source }) => source);
    expect(new Set(held).size).toBe(held.length);
    expect(held.some((word) => trainWords.has(word))).toBe(false);
  });

  test("has all pronunciations of a held-out word, the first as target", () => {
    const abbe = rows.test.find(({ source }) => source === "abbe");
    expect(abbe).toEqual({ source: "abbe", target: "AE B IY", references: ["AE B IY", "AE B EY"] });
  });
});
