import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { distillReport } from "./distill-report.js";

const root = temporaryFolder({ each: true });

const writeLines = (name: string, ...rows: readonly object[]): Promise<void> =>
  writeFile(join(root, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));

describe(distillReport, () => {
  test("shows curves and settings of a run, and the samples next to its log", async () => {
    await writeLines(
      "metrics.jsonl",
      { step: 20, loss: 3, forwardKl: 2, crossEntropy: 4 },
      { step: 20, "dev.wer": 0.5 },
    );
    await writeLines("samples.jsonl", { source: "cat", target: "K AE T", prediction: "K AE D" });
    const html = await distillReport(join(root, "metrics.jsonl"), { settings: { klWeight: 0.9 } });
    for (const text of ["forward KL", "word error rate [%]", "klWeight", "K AE D", "✗ wrong"])
      expect(html).toContain(text);
  });

  test("needs neither samples nor settings, and ignores a partial last line", async () => {
    await writeFile(join(root, "metrics.jsonl"), '{"step":20,"loss":3}\n{"step":40,"lo');
    const html = await distillReport(join(root, "metrics.jsonl"));
    expect(html).toContain("<dd>20 steps</dd>");
    expect(html).not.toMatch(/>(Samples|Settings|Warnings)</);
  });

  test("rejects a missing log", async () => {
    await expect(distillReport(join(root, "metrics.jsonl"))).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });
});
