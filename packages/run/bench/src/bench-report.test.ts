import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readJsonFile } from "@slm/artifact";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BENCH_FILES, benchPage, comparisonsTable, figuresTable, writeBenchReport } from "./bench-report.js";
import { benchResultSchema, type BenchResult, type ModelFigures } from "./bench-result.js";
import { compareModels } from "./compare.js";

const STUDENT: ModelFigures = {
  name: "student",
  architecture: "encoder-decoder",
  scheme: "cpu",
  parameters: 1_330_000,
  bytes: 2_000_000,
  runs: 40,
  loadMs: 12,
  firstTokenMs: { p50: 1.5, p95: 2.5 },
  tokensPerSecond: { p5: 800, p50: 900, p95: 1000 },
  wordsPerSecond: { p5: 300, p50: 400, p95: 500 },
  totalMs: { p50: 8, p95: 9 },
  sourceTokens: 9,
  generatedTokens: 7,
  peakRssBytes: 120_000_000,
  processRssBytes: 80_000_000,
  flopsPerToken: 2_000_000,
  flopsPerTokenWithSource: 3_500_000,
  halvesDiffer: 0.02,
};
const BASELINE: ModelFigures = { ...STUDENT, name: "<b>base</b>", firstTokenMs: { p50: 6, p95: 7 } };

const RESULT: BenchResult = {
  device: {
    cpu: "Example CPU",
    cores: 2,
    threads: 2,
    memoryBytes: 8e9,
    platform: "linux-x64",
    node: "v20.0.0",
    engine: "engine 1.0",
    provider: "cpu",
    simulated: false,
    loadAverage: 0.1,
  },
  models: [STUDENT, BASELINE],
  comparisons: [compareModels(STUDENT, BASELINE)],
  notes: ["Runs drift."],
};

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "bench-report-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** The cell under a column whose title begins so. */
function cell(table: ReturnType<typeof figuresTable>, title: string, row = 0): string | undefined {
  return table.rows[row]?.[table.columns.findIndex((column) => column.title.startsWith(title))];
}

describe(figuresTable, () => {
  test("shows figures in the units of its titles", () => {
    const table = figuresTable(RESULT);
    expect(cell(table, "parameters [M]")).toBe("1.33");
    expect(cell(table, "size [MB]")).toBe("2");
    expect(cell(table, "first token p50 / p95 [ms]")).toBe("1.5 / 2.5");
    expect(cell(table, "decode p50 / p5 [tokens/s]")).toBe("900 / 800");
    expect(cell(table, "peak memory [MB]")).toBe("120");
    expect(cell(table, "with source [MFLOP/token]")).toBe("3.5");
  });
});

describe(comparisonsTable, () => {
  test("shows the model's figure over the baseline's", () => {
    expect(cell(comparisonsTable(RESULT), "first token")).toBe("0.25x");
  });
});

describe(benchPage, () => {
  test("shows device, notes, charts, figures and comparisons, with names as text", async () => {
    const page = await benchPage(RESULT);
    for (const text of ["Example CPU", "Runs drift.", "First token", "0.25x", "&lt;b&gt;base&lt;/b&gt;"]) {
      expect(page).toContain(text);
    }
    expect(page.match(/<svg /g)).toHaveLength(3);
    expect(page).not.toContain("<b>");
  });

  test("has no comparison without a baseline and no warning without a reason", async () => {
    const page = await benchPage({ ...RESULT, comparisons: [], notes: [] });
    expect(page).not.toContain("Against the baseline");
    expect(page).not.toContain("Read with care");
  });
});

describe(writeBenchReport, () => {
  test("writes a result that reads back as it was, and the page", async () => {
    await writeBenchReport(directory, RESULT);
    expect(await readJsonFile(join(directory, BENCH_FILES.result), benchResultSchema)).toEqual(RESULT);
    expect(await readFile(join(directory, BENCH_FILES.report), "utf8")).toMatch(/^<!doctype html>/);
  });
});
