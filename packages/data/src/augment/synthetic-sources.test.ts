import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dataConfig } from "../config/data-config.js";
import { prepareData } from "../prepare-data.js";

const STARTS = ["spring", "mill", "wood", "stone", "north", "haver", "lang", "ash"];
const ENDS = ["field", "ton", "bury", "ley", "worth", "dale"];
const WORDS = STARTS.flatMap((start) => ENDS.map((end) => `${start}${end}`));

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "synthetic-"));
  const rows = WORDS.map((source) => JSON.stringify({ source, target: source.toUpperCase() }));
  await writeFile(join(root, "rows.jsonl"), rows.join("\n"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function synthetic(name: string, sources: number, seed: number): Promise<readonly string[]> {
  const out = join(root, name);
  const config = dataConfig.parse({
    train: join(root, "rows.jsonl"),
    devFraction: 0.2,
    synthetic: { sources },
  });
  const report = await prepareData(config, out, { seed });
  const lines = (await readFile(join(out, "unlabelled.jsonl"), "utf8"))
    .split("\n")
    .filter((line) => line !== "");
  const made = lines.map((line) => (JSON.parse(line) as { source: string }).source);
  expect(report.synthetic).toBe(made.length);
  return made;
}

describe("data.synthetic", () => {
  test("makes sources in the manner of the training sources, each once, none of which any split has", async () => {
    const made = await synthetic("some", 30, 1);
    expect(made).toHaveLength(30);
    expect(new Set(made).size).toBe(30);
    const known = new Set(WORDS);
    for (const word of made) {
      expect(known).not.toContain(word);
      expect(WORDS.some((other) => other.startsWith(word.slice(0, 3)))).toBe(true);
      expect(WORDS.some((other) => other.endsWith(word.slice(-3)))).toBe(true);
    }
  });

  test("repeats itself for a seed, and stops where nothing new comes", async () => {
    expect(await synthetic("first", 30, 7)).toEqual(await synthetic("again", 30, 7));
    expect(await synthetic("other", 30, 8)).not.toEqual(await synthetic("first", 30, 7));
    const all = await synthetic("all", 100_000, 1);
    expect(all.length).toBeGreaterThan(30);
    expect(all.length).toBeLessThan(100_000);
  });
});
