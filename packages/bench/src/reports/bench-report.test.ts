import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { readJsonFile } from "@slm/core";
import { describe, expect, test } from "vitest";
import { BENCH_FILES, benchMarkdown, benchPage, writeBenchReport } from "./bench-report.js";
import { benchResultSchema } from "../results/bench-result.js";
import { comparisonsTable, figuresTable } from "./bench-tables.js";
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

describe(comparisonsTable, () => {
  test("shows the model's figure over the baseline's", () => {
    expect(cell(comparisonsTable(RESULT), "first token")).toBe("0.25x (1 to 1)");
    expect(cell(comparisonsTable(RESULT), "size")).toBe("1x");
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

  test("has no comparison without a baseline and no warning without a reason", async () => {
    const page = await benchPage({ ...RESULT, comparisons: [], notes: [] });
    expect(page).not.toContain("Compared with the baseline");
    expect(page).not.toContain("Warnings");
  });

  test("has the task as its title, quality before speed, and the method last", async () => {
    const page = await benchPage(RESULT, {
      title: "Dates: speed",
      facts: [["run", "first"]],
      headline: [{ label: "exactMatch", value: "97 %", note: "96 % to 98 %, 400 test rows" }],
      sections: [{ heading: "Models", text: "Trained on 400 labelled rows." }],
    });
    const places = [
      "<h1>Dates: speed</h1>",
      ">97 %<",
      "<dd>first</dd>",
      ">Models<",
      ">Figures<",
      ">How it was measured<",
    ];
    const found = places.map((text) => page.indexOf(text));
    expect(found.every((at) => at > 0)).toBe(true);
    expect(found).toEqual([...found].sort((a, b) => a - b));
  });

  test("folds its notes, and lays wide tables with one column per model", async () => {
    const page = await benchPage(RESULT);
    expect(page).toMatch(/<details>\n<summary><h2>Warnings: \d+<\/h2>/u);
    expect(page).toContain('<td class="left wrap" dir="auto">parameters [M]</td><td class="right">1.33</td>');
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
