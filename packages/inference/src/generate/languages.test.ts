import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import {
  MemoryModel,
  TINY,
  hashedLogits,
  writeTinyModel,
  writeTinyTranslator,
} from "@slm/exported-model/testing";
import { loadTokenizer, type LanguagePair } from "@slm/tokenizer";
import { beforeAll, describe, expect, test } from "vitest";
import { openGraphModel } from "./open-graph-model.js";

const WAYS = ["decoder_start", "forced_bos", "source"] as const;
const root = temporaryFolder();
const folderOf = (way: string): string => join(root, way);

beforeAll(async () => {
  await writeTinyModel(folderOf("none"));
  for (const way of WAYS) {
    await mkdir(folderOf(way));
    await writeTinyTranslator(folderOf(way), way);
  }
});

const { eos, bos } = TINY.tokens;

/** Greedy decoding by definition: the language is in the source, is fed first, or is the first token of the answer. */
async function expectedIds(way: (typeof WAYS)[number], text: string, pair: LanguagePair): Promise<number[]> {
  const tokenizer = await loadTokenizer(folderOf(way));
  const source = tokenizer.encodeSource(text, pair);
  const target = pair.target === undefined ? undefined : tokenizer.languages!.tokenOf(pair.target);
  const start = way === "decoder_start" ? (target ?? bos) : bos;
  const ids: number[] = way === "forced_bos" && target !== undefined ? [target] : [];
  while (ids.length < TINY.maxTarget) {
    const logits = hashedLogits(source, [start, ...ids]);
    const next = logits.indexOf(Math.max(...logits));
    if (next === eos) break;
    ids.push(next);
  }
  return ids;
}

const PAIRS: readonly LanguagePair[] = [
  { target: "xx" },
  { target: "yy" },
  {},
  { target: "yy" },
  { target: "xx" },
];
const TEXTS = ["abc", "abc", "abc", "dab", "c"];
const asked = TEXTS.map((text, row) => ({ text, languages: PAIRS[row]! }));

describe.each(WAYS)("a model that is told the target language by %s", (way) => {
  test("answers each row of a batch in its own language", async () => {
    const runtime = new MemoryModel();
    const generator = await openGraphModel(folderOf(way), runtime);
    const together = await generator.generate(asked);
    expect(runtime.encodedBatches).toHaveLength(1);
    const expected = await Promise.all(TEXTS.map((text, row) => expectedIds(way, text, PAIRS[row]!)));
    expect(together.map(({ tokens }) => tokens)).toEqual(expected);
    expect(new Set(expected.slice(0, 3).map(String)).size).toBe(3);
  });

  test("uses the languages of the options if a source has none", async () => {
    const generator = await openGraphModel(folderOf(way), new MemoryModel());
    const sources = ["abc", { text: "abc", languages: { target: "xx" } }];
    const results = await generator.generate(sources, { languages: { target: "yy" } });
    expect(results.map(({ tokens }) => tokens)).toEqual([
      await expectedIds(way, "abc", { target: "yy" }),
      await expectedIds(way, "abc", { target: "xx" }),
    ]);
  });

  test("scores answers in the requested language", async () => {
    const scorer = await openGraphModel(folderOf(way), new MemoryModel(finiteLogits));
    const options = { batchSize: 2 };
    const pairs = [{ source: "ab", answer: "cd" }];
    const likelihoods = [];
    for (const target of ["xx", "yy"]) {
      const [likelihood] = await scorer.score(pairs, { ...options, languages: { target } });
      likelihoods.push(likelihood!.nats);
      const named = [{ source: { text: "ab", languages: { target } }, answer: "cd" }];
      expect(await scorer.score(named, options)).toEqual([likelihood]);
    }
    expect(likelihoods[0]).not.toBe(likelihoods[1]);
  });

  test("rejects an unsupported language, and lists the supported ones", async () => {
    const generator = await openGraphModel(folderOf(way), new MemoryModel());
    await expect(generator.generate(["ab"], { languages: { target: "Y" } })).rejects.toMatchObject({
      code: "USAGE",
      message: "generate: source 1: the model has no language 'Y'; its 2 languages are yy, xx",
    });
    const told = generator.generate(["ab"], { languages: { source: "yy" } });
    if (way === "source") await expect(told).rejects.toThrow(withCode("USAGE"));
    else await expect(told).resolves.toHaveLength(1);
  });
});

/** Like hashedLogits, with a likelihood for every token. */
const finiteLogits: typeof hashedLogits = (source, fed) =>
  hashedLogits(source, fed).map((logit) => Math.max(logit, -1));

test("a model without languages rejects them", async () => {
  const generator = await openGraphModel(folderOf("none"), new MemoryModel());
  await expect(generator.generate([{ text: "ab", languages: { target: "xx" } }])).rejects.toMatchObject({
    code: "USAGE",
    message:
      "generate: source 1: got the language 'xx', but the model has no languages: remove the source and target language",
  });
});
