import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { dataConfig, prepareData, type Row, sourceKey } from "@slm/data";
import { describe, expect, test } from "vitest";
import { assistantRow } from "./dataset.js";
import { targetProblem } from "./call.js";
import { actionsOf, SETTINGS } from "./settings.js";

const module = fileURLToPath(new URL("./dataset.ts", import.meta.url));
const ROWS: readonly Row[] = Array.from({ length: 12_000 }, (_, line) => assistantRow(1, line + 1));

describe(assistantRow, () => {
  test("generates calls that are valid by the tables", () => {
    const wrong = ROWS.filter(
      ({ source, target }) =>
        source.trim() === "" || /[{}]|undefined| {2}/.test(source) || targetProblem(target) !== undefined,
    );
    expect(wrong).toEqual([]);
  });

  test("covers every setting and all of its actions", () => {
    const wanted = new Set(
      SETTINGS.flatMap((setting) => actionsOf(setting).map((action) => [setting.name, action].join(" "))),
    );
    const single = ROWS.filter(({ target }) => target.startsWith("{")).map(
      ({ target }) => JSON.parse(target) as { name: string; arguments: Record<string, unknown> },
    );
    for (const { name, arguments: values } of single) wanted.delete(`${name} ${actionOf(values)}`);
    expect([...wanted]).toEqual([]);
  });

  test("never uses the same words for two different calls", () => {
    const meant = new Map<string, string>();
    const ambiguous: string[] = [];
    for (const { source, target } of ROWS) {
      if ((meant.get(source) ?? target) !== target) ambiguous.push(source);
      meant.set(source, target);
    }
    expect(ambiguous).toEqual([]);
  });

  test("copies names as they are written, even with typing errors around them", () => {
    const names = ROWS.flatMap(({ source, target }) => {
      const name = /"(?:network|device|printer|app)":"([^"]+)"/.exec(target)?.[1];
      return name === undefined ? [] : [{ source, name }];
    });
    expect(names.length).toBeGreaterThan(500);
    for (const { source, name } of names) expect(source).toContain(name);
  });
});

/** The action that the arguments of a call request. */
function actionOf(values: Readonly<Record<string, unknown>>): string {
  if ("state" in values) return String(values.state);
  if ("level" in values) return "set";
  if ("by" in values) return Number(values.by) > 0 ? "up" : "down";
  if ("direction" in values) return String(values.direction);
  if ("value" in values) return "choose";
  if ("duration" in values) return "last";
  if ("never" in values) return "never";
  return "from" in values ? "between" : "name";
}

describe("data of the module", () => {
  const root = temporaryFolder();

  test("tests on the handwritten requests, and splits share no text", async () => {
    const config = dataConfig.parse({ source: { module, rows: 3000 }, devFraction: 0.05 });
    const report = await prepareData(config, root);
    expect(report.splits.test).toBe(300);
    expect(report.splits.dev).toBeGreaterThan(80);
    const sources = async (split: string): Promise<readonly string[]> =>
      (await readFile(join(root, `${split}.jsonl`), "utf8"))
        .trimEnd()
        .split("\n")
        .map((line) => sourceKey((JSON.parse(line) as Row).source));
    const [train, dev, test] = await Promise.all(["train", "dev", "test"].map(sources));
    const held = new Set([...dev!, ...test!]);
    expect(train!.filter((source) => held.has(source))).toEqual([]);
    expect(dev!.filter((source) => test!.includes(source))).toEqual([]);
  });
});
