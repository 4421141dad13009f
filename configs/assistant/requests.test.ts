/** Checks the handwritten requests against the tables and the templates' output. */
import { readFileSync } from "node:fs";
import { readAllRows, sourceKey } from "@slm/data";
import { describe, expect, test } from "vitest";
import { assistantRow, TEST_FILE } from "./dataset.js";
import { NO_CALL, targetProblem } from "./call.js";
import { GROUPS } from "./setting.js";
import { SETTINGS, settingNamed } from "./settings.js";

const rows = await readAllRows(TEST_FILE);

interface ParsedCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

function callsOf(target: string): readonly ParsedCall[] {
  const value = JSON.parse(target) as ParsedCall | readonly ParsedCall[];
  return Array.isArray(value) ? (value as readonly ParsedCall[]) : [value as ParsedCall];
}

describe("handwritten requests", () => {
  test("are 300 distinct requests", () => {
    expect(rows).toHaveLength(300);
    expect(new Set(rows.map(({ source }) => sourceKey(source))).size).toBe(300);
    expect(readFileSync(TEST_FILE, "utf8").trimEnd().split("\n")).toHaveLength(300);
  });

  test.each(rows)("mean calls of known settings: $source", ({ source, target }) => {
    expect(targetProblem(target)).toBeUndefined();
    expect(target).toBe(JSON.stringify(JSON.parse(target)));
    // A name is copied from the request, letter by letter.
    for (const { name, arguments: values } of callsOf(target)) {
      const control = settingNamed(name)?.control;
      const slots = control?.kind === "name" ? [control.slot] : ["app"];
      for (const slot of slots) {
        if (Object.hasOwn(values, slot)) expect(source).toContain(values[slot]);
      }
    }
  });

  test("cover every setting, every group, two calls at once and none", () => {
    const calls = rows.map(({ target }) => callsOf(target));
    const names = new Set(calls.flat().map(({ name }) => name));
    expect(SETTINGS.filter(({ name }) => !names.has(name)).map(({ name }) => name)).toEqual([]);
    for (const group of GROUPS) {
      const inGroup = calls.filter((list) => list.some(({ name }) => settingNamed(name)?.group === group));
      expect(inGroup.length, group).toBeGreaterThanOrEqual(18);
    }
    expect(calls.filter((list) => list.length === 2).length).toBeGreaterThanOrEqual(30);
    expect(calls.filter(([first]) => first?.name === NO_CALL).length).toBeGreaterThanOrEqual(30);
  });

  test("are not among 60,000 generated requests of three seeds", () => {
    const written = new Set(rows.map(({ source }) => plain(source)));
    const met: string[] = [];
    for (const seed of [1, 2, 3]) {
      for (let line = 1; line <= 20_000; line++) {
        const { source } = assistantRow(seed, line);
        if (written.has(plain(source))) met.push(source);
      }
    }
    expect(met).toEqual([]);
  });
});

/** Only letters and digits, in lower case, so that punctuation does not distinguish requests. */
function plain(source: string): string {
  return source
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}
