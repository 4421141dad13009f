import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { compareRuns, type ComparedRun } from "./compare-runs.js";

const root = temporaryFolder({ each: true });

let files = 0;
async function run(name: string, records: readonly object[], settings?: unknown): Promise<ComparedRun> {
  const metricsFile = join(root, `${files++}.jsonl`);
  await writeFile(metricsFile, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  return { name, metricsFile, settings };
}

const curve = (loss: number, extra: object = {}): readonly object[] => [
  { step: 20, loss: 4, ...extra },
  { step: 40, loss, "dev.wer": loss / 10 },
];
const cells = (html: string, title: string): readonly string[] => {
  const row = html.split("<tr>").find((candidate) => candidate.includes(`>${title}</td>`)) ?? "";
  return [...row.matchAll(/<td[^>]*>([^<]*)<\/td>/g)].slice(1).map(([, text]) => text!);
};

describe(compareRuns, () => {
  test("overlays the runs in one chart per quantity, and leaves out of it runs that did not log it", async () => {
    const html = await compareRuns([
      await run("one", curve(2, { forwardKl: 3 })),
      await run("two", curve(3)),
    ]);
    const labels = [...html.matchAll(/aria-label="(Line chart[^"]*)"/g)].map(([, label]) => label);
    expect(labels).toEqual([
      "Line chart: Word error rate; word error rate [%] over step; one, two",
      "Line chart: Loss; loss [nats per token] over step; one, two",
      "Line chart: Forward KL; forward KL [nats per token] over step; one",
    ]);
  });

  test("marks the best of each row, and none where all are the same or no way is better", async () => {
    const html = await compareRuns([
      await run("one", curve(2, { forwardKl: 3 })),
      await run("two", curve(3)),
      await run("three", [{ step: 5, loss: 2 }]),
    ]);
    expect(cells(html, "steps")).toEqual(["40", "40", "5"]);
    expect(cells(html, "loss [nats per token], final")).toEqual(["★ 2", "3", "★ 2"]);
    expect(cells(html, "word error rate [%], best")).toEqual(["★ 20.00", "30.00", "–"]);
    expect(cells(html, "forward KL [nats per token], final")).toEqual(["3", "–", "–"]);
    const same = await compareRuns([await run("one", curve(2)), await run("two", curve(2))]);
    expect(same).not.toContain('<td class="right best">');
  });

  test("shows the settings that differ and says of which run none are known", async () => {
    const shared = { steps: 40, student: { width: 8 } };
    const runs = [
      await run("one", curve(2), { ...shared, learningRate: 0.001 }),
      await run("two", curve(3), { ...shared, learningRate: 0.002, topK: 5 }),
    ];
    const html = await compareRuns([...runs, await run("<three>", curve(3))]);
    expect(cells(html, "learningRate")).toEqual(["0.001", "0.002"]);
    expect(cells(html, "topK")).toEqual(["–", "5"]);
    expect(html).not.toContain(">student.width<");
    expect(html).toContain("Unknown for: &lt;three&gt;.");
    const alike = await compareRuns([runs[0]!, { ...runs[0]!, name: "again" }]);
    expect(alike).toContain("All settings are the same.");
    expect(await compareRuns([await run("a", curve(1))])).toContain(
      "Fewer than two runs have known settings",
    );
  });

  test("rejects no runs, two runs of one name, and a missing log", async () => {
    const one = await run("one", curve(2));
    await expect(compareRuns([])).rejects.toThrow(withCode("DATA_INVALID"));
    await expect(compareRuns([one, one])).rejects.toThrow(withCode("DATA_INVALID"));
    await expect(
      compareRuns([one, { ...one, name: "b", metricsFile: join(root, "none") }]),
    ).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });
});
