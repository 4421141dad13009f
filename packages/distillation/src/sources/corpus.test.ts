import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import type { Tokenizer } from "@slm/tokenizer";
import { describe, expect, test } from "vitest";
import { writeCorpus } from "./corpus.js";

const directory = temporaryFolder({ each: true });

/** Tokens with a fixed number of letters; the last one may be shorter. */
function lettersAt(size: number): Tokenizer {
  const texts: string[] = [];
  const encode = (text: string): number[] =>
    (text.match(new RegExp(`.{1,${size}}`, "gu")) ?? []).map((piece) => {
      if (!texts.includes(piece)) texts.push(piece);
      return texts.indexOf(piece);
    });
  return {
    vocabularySize: 99,
    tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
    encodeSource: encode,
    encodeTarget: encode,
    decode: (ids) => Array.from(ids, (id) => texts[id]!).join(""),
  };
}

const rows = [
  { source: "ab", target: "abcde" },
  { source: "c", target: "ab" },
];
const limits = { maxSource: 6, maxTarget: 6 };

describe(writeCorpus, () => {
  test("has the same pairs for both models if they share a vocabulary", async () => {
    const file = join(directory, "pairs");
    const corpus = await writeCorpus({ rows, tokenizer: lettersAt(1), limits, where: "train", file });
    const read = await corpus.read([1, 0]);
    expect(read.teacherTokens).toEqual({ sources: read.sources, targets: read.targets });
    expect(read.targets.map(({ length }) => length)).toEqual([2, 5]);
    expect(corpus.teacherPairs).toBe(corpus.pairs);
    await corpus.close();
  });

  test("uses a row's teacher source for a teacher with the same vocabulary", async () => {
    const file = join(directory, "pairs");
    const letters = lettersAt(1);
    const told = [...rows, { source: "c", target: "b", image: "a.png", teacherSource: "aaaaaaaa" }];
    const request = { rows: told, tokenizer: letters, limits, where: "train", file };
    const corpus = await writeCorpus(request, { limits: { maxSource: 8, maxTarget: 6 } });
    const { sources, targets, teacherTokens } = await corpus.read([2, 0]);
    expect(sources.map((tokens) => letters.decode(tokens))).toEqual(["c", "ab"]);
    expect(teacherTokens.sources.map((tokens) => letters.decode(tokens))).toEqual(["aaaaaaaa", "ab"]);
    expect(teacherTokens.targets).toEqual(targets);
    expect([...corpus.teacherPairs.lengths.source]).toEqual([2, 1, 8]);
    expect([...corpus.pairs.lengths.source]).toEqual([2, 1, 1]);
    await corpus.close();
    await expect(writeCorpus(request, { limits: { maxSource: 7, maxTarget: 6 } })).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
  });

  test("adds the teacher's prompt around sources, and uses the student's targets", async () => {
    const file = join(directory, "pairs");
    const letters = lettersAt(1);
    const prompted: Tokenizer = { ...letters, encodeSource: (text) => letters.encodeSource(`de${text}`) };
    const request = { rows, tokenizer: letters, limits, where: "train", file };
    const teacher = { tokenizer: prompted, limits };
    const corpus = await writeCorpus(request, teacher);
    const { sources, targets, teacherTokens } = await corpus.read([1, 0]);
    expect(sources.map((tokens) => letters.decode(tokens))).toEqual(["c", "ab"]);
    expect(teacherTokens.sources.map((tokens) => letters.decode(tokens))).toEqual(["dec", "deab"]);
    expect(teacherTokens.targets).toEqual(targets);
    expect([...corpus.teacherPairs.lengths.source]).toEqual([4, 3]);
    await corpus.close();
  });
});
