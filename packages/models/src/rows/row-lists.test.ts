import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { SILENT } from "@slm/core";
import { draftRulesOf, RuleDrafter } from "@slm/generation";
import { CACHE_ROWS } from "@slm/teacher";
import { loadTokenizer, trainBpeTokenizer, writeTokenizer, type Tokenizer } from "@slm/tokenizer";
import { beforeAll, expect, test } from "vitest";
import { listsOfRows } from "./row-lists.js";

const directory = temporaryFolder();
let tokenizer: Tokenizer;
const rows = (verb: string, answer: string): { source: string; target: string }[] =>
  Array.from({ length: 60 }, (_, at) => ({ source: `${verb} room ${at}`, target: `${answer} room ${at}` }));
const [dim, lit] = [rows("dim", "down"), rows("light", "up")];
const lines = (of: readonly object[]): string => of.map((row) => `${JSON.stringify(row)}\n`).join("");

beforeAll(async () => {
  await mkdir(join(directory, "cache"));
  const options = { vocabularySize: 300, minCount: 1, sourceLowercase: false, spaces: "joined" } as const;
  await writeTokenizer(await trainBpeTokenizer([...dim, ...lit], options), directory);
  tokenizer = await loadTokenizer(directory);
  await writeFile(join(directory, "train.jsonl"), lines(dim));
  const labelled = lit.map((row) => ({ ...row, labeller: "teacher", score: -0.1 }));
  await writeFile(join(directory, "cache", CACHE_ROWS.labelled), lines(labelled));
});

const rulesOf = (file: string, cache?: string) =>
  listsOfRows(directory, { draftRules: join(directory, file) }, { progress: SILENT, cache });

/** The draft before an answer, at most 20 tokens. */
async function begun(source: string, cache: string | undefined): Promise<string> {
  const { draftRules: rules = [] } = await rulesOf("train.jsonl", cache);
  const drafter = new RuleDrafter(draftRulesOf(rules, 10_000), tokenizer.encodeSource(source));
  return tokenizer.decode([...drafter.draft([], 20, tokenizer.tokens.eos)]);
}

test("rules are learned from the rows of a file, and from a teacher's answers to other rows", async () => {
  expect(await begun("dim room 12", undefined)).toMatch(/^down/);
  expect(await begun("light room 12", undefined)).toMatch(/^down/);
  const cache = join(directory, "cache");
  expect(await begun("dim room 12", cache)).toMatch(/^down/);
  expect(await begun("light room 12", cache)).toMatch(/^up/);
});

test("errors name a missing file and invalid rows", async () => {
  const missing = rulesOf("none.jsonl");
  await expect(missing).rejects.toMatchObject({ code: "INPUT_MISSING" });
  await writeFile(join(directory, "bad.jsonl"), '{"source": 1}\n');
  const bad = rulesOf("bad.jsonl");
  await expect(bad).rejects.toMatchObject({ code: "DATA_INVALID" });
});
