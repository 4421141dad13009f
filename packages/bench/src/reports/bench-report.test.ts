import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { readJsonFile } from "@slm/core";
import { describe, expect, test } from "vitest";
import { BENCH_FILES, benchMarkdown, benchPage, writeBenchReport } from "./bench-report.js";
import { benchResultSchema } from "../results/bench-result.js";
import { figuresTable } from "./bench-tables.js";
import { RESULT } from "./figures.test-support.js";
import { compareResults } from "../results/regression.js";

const directory = temporaryFolder({ each: true });

/** The cell under a column whose title begins so. */
function cell(table: ReturnType<typeof figuresTable>, title: string, row = 0): string | undefined {
  return table.rows[row]?.[table.columns.findIndex((column) => column.title.startsWith(title))];
}

describe(figuresTable, () => {
  test("shows figures in the units of its titles", () => {
    const table = figuresTable(RESULT);
    expect(cell(table, "parameters [M]")).toBe("1.33");
    expect(cell(table, "size [MB]")).toBe("2");
    expect(cell(table, "first token p50 / p90 / p95 / p99 [ms]")).toBe("1.5 / 2 / 2.5 / 3");
    expect(cell(table, "inter-token latency")).toBe("1.1 / 1.2 / 1.3 / 1.4");
    expect(cell(table, "decode p50 / p5 [tokens/s]")).toBe("900 / 800");
    expect(cell(table, "  95 % confidence interval of the median")).toBe("1.35 to 1.65");
    expect(cell(table, "energy [J/token]")).toBe("not measured");
    expect(cell(table, "share of compute")).toBe("2 % / 30 %");
    expect(cell(table, "peak memory [MB]")).toBe("120");
    expect(cell(table, "with source [MFLOP/token]")).toBe("3.5");
  });
});

describe(benchPage, () => {
  test("shows device, notes, charts, figures and comparisons, with names as text", async () => {
    const page = await benchPage(RESULT);
    for (const text of ["Example CPU", "Runs drift.", "First token", "0.25x", "&lt;b&gt;base&lt;/b&gt;"]) {
      expect(page).toContain(text);
    }
    expect(page.match(/<svg /g)).toHaveLength(6);
    expect(page).not.toContain("<b>");
  });

  test("shows what changed since an earlier benchmark", async () => {
    const slower = { ...RESULT, models: [{ ...RESULT.models[0]!, bytes: 3_000_000 }] };
    const page = await benchPage({ ...slower, regression: compareResults(slower, RESULT, 0.1) });
    expect(page).toContain("Compared with the earlier benchmark");
    expect(page).toContain("beyond the noise");
  });
});

describe(benchMarkdown, () => {
  test("has figures down and models across, with names as text", () => {
    const text = benchMarkdown(RESULT);
    expect(text).toContain("| model | student | &lt;b&gt;base&lt;/b&gt; |");
    expect(text).toContain("| load \\[ms\\] | 12 | 12 |");
    expect(text).toContain("Runs drift.");
  });
});

describe(writeBenchReport, () => {
  test("writes a result that reads back as it was, and the page", async () => {
    await writeBenchReport(directory, RESULT);
    expect(await readJsonFile(join(directory, BENCH_FILES.result), benchResultSchema)).toEqual(RESULT);
    expect(await readFile(join(directory, BENCH_FILES.report), "utf8")).toMatch(/^<!doctype html>/);
  });
});
