import { describe, expect, test } from "vitest";
import { FIXTURE, running, VOCABULARIES } from "../testing/tokenizer-fixture.test-support.js";
import { PRE_TOKENIZERS } from "./pre-tokenizers.js";

const { texts, lacking } = FIXTURE;
const SPELLINGS = ["bytes", "pieces", "words"] as const;
const groups = SPELLINGS.flatMap((spelling) =>
  FIXTURE[spelling].ids.map((group) => ({ spelling, ...group })),
);

describe("ids are llama.cpp's", () => {
  test("the fixture has twenty texts, and ids under every name of the table that its llama.cpp knows", () => {
    expect(texts).toHaveLength(20);
    const held = [...groups.flatMap(({ names }) => names), ...lacking];
    expect(held.sort()).toEqual(Object.keys(PRE_TOKENIZERS).sort());
  });

  test.each(groups.flatMap(({ spelling, names, ids }) => names.map((pre) => [spelling, pre, ids] as const)))(
    "merges of %s, pre-tokenizer %s",
    (spelling, pre, ids) => {
      const tokenizer = running(VOCABULARIES[spelling]({ pre }));
      for (const [index, text] of texts.entries()) {
        expect(tokenizer.encodeTarget(text), text).toEqual(ids[index]);
        // Words lose their spaces, and letters that are not tokens.
        if (spelling !== "words") expect(tokenizer.decode(ids[index]!)).toBe(text);
      }
    },
  );

  test.each(["true", "false"] as const)("pieces with scores and bytes, space prefix %s", (prefix) => {
    const tokenizer = running(VOCABULARIES.scored({ add_space_prefix: prefix === "true" }));
    for (const [index, text] of texts.entries()) {
      expect(tokenizer.encodeTarget(text), text).toEqual(FIXTURE.scored.ids[prefix][index]);
      expect(tokenizer.decode(FIXTURE.scored.ids[prefix][index]!)).toBe(text);
    }
  });

  test.each(["true", "false"] as const)("WordPiece, lower case %s", (lowercase) => {
    const tokenizer = running(VOCABULARIES.wordPiece({ "normalizer.lowercase": lowercase === "true" }));
    for (const [index, text] of texts.entries()) {
      expect(tokenizer.encodeTarget(text), text).toEqual(FIXTURE.wordPiece.ids[lowercase][index]);
    }
  });

  test.each(["true", "false"] as const)("Unigram with a map of characters, spaces joined %s", (joins) => {
    const tokenizer = running(VOCABULARIES.unigram({ remove_extra_whitespaces: joins === "true" }));
    for (const [index, text] of texts.entries()) {
      expect(tokenizer.encodeTarget(text), text).toEqual(FIXTURE.unigram.ids[joins][index]);
    }
  });
});

describe("names that the fixture's llama.cpp does not know yet", () => {
  /** Words by the patterns of an entry, as `Split` components split them. */
  const cut = (pre: string, text: string): string[] =>
    PRE_TOKENIZERS[pre]!.patterns.reduce(
      (pieces, pattern) =>
        pieces.flatMap((piece) =>
          piece.split(new RegExp(`(${pattern})`, "gu")).filter((part) => part !== ""),
        ),
      [text],
    );

  test("are these", () => {
    expect([...lacking].sort()).toEqual(["glm5", "hy_v4", "spark2_5", "ufakzeka"]);
  });

  test.each([
    ["glm5", "glm4"],
    ["hy_v4", "deepseek-v3"],
  ])("%s cuts as %s", (name, other) => {
    expect(PRE_TOKENIZERS[name]).toEqual(PRE_TOKENIZERS[other]);
  });

  // Words from llama.cpp's source in llama-cpp-python 0.3.36, compiled.
  test.each([
    ["ufakzeka", "Ali'nin it's 42!\n x", ["Ali", "'nin", " it", "'s", " ", "4", "2", "!\n", " x"]],
    [
      "spark2_5",
      "end...\n\n123 お茶'n x",
      ["end", "...", "\n", "\n", "1", "2", "3", " ", "お茶", "'n", " x"],
    ],
  ])("%s", (name, text, expected) => {
    expect(cut(name, text)).toEqual(expected);
  });
});
