import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SILENT } from "@slm/core";
import { draftRulesOf, RuleDrafter } from "@slm/generation";
import { CACHE_ROWS } from "@slm/teacher";
import { loadTokenizer, trainBpeTokenizer, writeTokenizer, type Tokenizer } from "@slm/tokenizer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { draftRulesOfRows, evenlySpread } from "./draft-rules.js";

let directory: string;
let tokenizer: Tokenizer;
const rows = (verb: string, answer: string): { source: string; target: string }[] =>
  Array.from({ length: 60 }, (_, at) => ({ source: `${verb} room ${at}`, target: `${answer} room ${at}` }));
const [dim, lit] = [rows("dim", "down"), rows("light", "up")];
const lines = (of: readonly object[]): string => of.map((row) => `${JSON.stringify(row)}\n`).join("");

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "slm-draft-rules-"));
  await mkdir(join(directory, "cache"));
  const options = { vocabularySize: 300, minCount: 1, sourceLowercase: false, spaces: "joined" } as const;
  await writeTokenizer(await trainBpeTokenizer([...dim, ...lit], options), directory);
  tokenizer = await loadTokenizer(directory);
  await writeFile(join(directory, "train.jsonl"), lines(dim));
  const labelled = lit.map((row) => ({ ...row, labeller: "teacher", score: -0.1 }));
  await writeFile(join(directory, "cache", CACHE_ROWS.labelled), lines(labelled));
});
afterAll(() => rm(directory, { recursive: true }));

/** What is drafted before an answer, at most so many tokens. */
async function begun(source: string, cache: string | undefined): Promise<string> {
  const rules = await draftRulesOfRows(directory, { rows: join(directory, "train.jsonl"), cache }, SILENT);
  const drafter = new RuleDrafter(draftRulesOf(rules, 10_000), tokenizer.encodeSource(source));
  return tokenizer.decode([...drafter.draft([], 20, tokenizer.tokens.eos)]);
}

test("rules are learnt from the rows of a file, and from what a teacher answered to others", async () => {
  expect(await begun("dim room 12", undefined)).toMatch(/^down/);
  expect(await begun("light room 12", undefined)).toMatch(/^down/);
  const cache = join(directory, "cache");
  expect(await begun("dim room 12", cache)).toMatch(/^down/);
  expect(await begun("light room 12", cache)).toMatch(/^up/);
});

test("of more rows than are kept, every second, fourth, ... is taken, to the last", async () => {
  const encode = ({ source }: { source: string }) => ({ source: [Number(source)], target: [1, 2] });
  const taken = async (rows: number): Promise<readonly number[]> => {
    const pairs = await evenlySpread(numbered(rows), encode, 10);
    return pairs.map(({ source }) => source[0]!);
  };
  expect(await taken(5)).toEqual([0, 1, 2, 3, 4]);
  expect(await taken(7)).toEqual([0, 2, 4, 6]);
  expect(await taken(30)).toEqual([0, 8, 16, 24]);
});

async function* numbered(rows: number): AsyncGenerator<{ source: string; target: string }> {
  for (let row = 0; row < rows; row++) yield await Promise.resolve({ source: String(row), target: "" });
}

test("a file that is not there, and rows that are none, are rejected by name", async () => {
  const missing = draftRulesOfRows(directory, { rows: join(directory, "none.jsonl") }, SILENT);
  await expect(missing).rejects.toMatchObject({ code: "INPUT_MISSING" });
  await writeFile(join(directory, "bad.jsonl"), '{"source": 1}\n');
  const bad = draftRulesOfRows(directory, { rows: join(directory, "bad.jsonl") }, SILENT);
  await expect(bad).rejects.toMatchObject({ code: "DATA_INVALID" });
});
