import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { dataConfig, prepareData, readSources } from "@slm/data";
import { expect, test } from "vitest";
import { englishWords } from "./english-words.js";

const module = fileURLToPath(new URL("./dataset.ts", import.meta.url));

async function wordsOf(): Promise<readonly string[]> {
  const words: string[] = [];
  for await (const word of englishWords()) words.push(word);
  return words;
}

test("are distinct words of letters and inner apostrophes, in a fixed order, frequent words first", async () => {
  const words = await wordsOf();
  expect(words.length).toBeGreaterThan(200_000);
  expect(words.every((word) => /^[a-z]+('[a-z]+)?$/.test(word) && word.length >= 3)).toBe(true);
  expect(words.slice(0, 3)).toEqual(["the", "and", "was"]);
  expect(words).toContain("zucchini");
  expect(await wordsOf()).toEqual(words);
});

test("become unlabelled sources if they are not in a split, frequent words first", async () => {
  const directory = await mkdtemp(join(tmpdir(), "slm-words-"));
  try {
    const config = dataConfig.parse({ source: { module }, unlabelled: { kind: "module" } });
    const { unlabelled } = await prepareData(config, directory);
    const { known, rows, ...counts } = unlabelled!;
    expect(counts).toEqual({ duplicates: 0, rejectedCount: 0 });
    const all = (await wordsOf()).length;
    const inSplits = Object.values(known).reduce((sum, count) => sum + count, 0);
    expect(rows).toBe(all - inSplits);
    // The most frequent words are nearly all in the dictionary.
    expect(known.train).toBeGreaterThan(10_000);
    expect(known.test).toBeGreaterThan(1000);
    const inDictionary = new Set(["the", "was"]);
    for await (const source of readSources(join(directory, "unlabelled.jsonl")))
      expect(inDictionary.has(source)).toBe(false);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
