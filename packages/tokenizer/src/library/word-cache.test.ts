import fc from "fast-check";
import { expect, test } from "vitest";
import { trainBpeTokenizer } from "../learn/bpe-files.js";
import { createTokenizer } from "../create-tokenizer.js";
import { createWordCache } from "./word-cache.js";

test("a word cache returns its words, and forgets all of them when one more word has too many characters", () => {
  const cache = createWordCache(6);
  const found = (): unknown[] => ["dim", "the", "lamp"].map((word) => cache.get(word));
  cache.put("dim", ["d", "im"]);
  cache.put("the", ["the"]);
  expect(found()).toEqual([["d", "im"], ["the"], undefined]);
  cache.put("lamp", ["l", "amp"]);
  expect(found()).toEqual([undefined, undefined, ["l", "amp"]]);
});

test("a word's tokens do not depend on the texts that were read before it", async () => {
  const rows = ["dim the kitchen lights", "dim the bedroom lights a little"].map((text) => ({
    source: text,
    target: text,
  }));
  const files = await trainBpeTokenizer(rows, {
    vocabularySize: 320,
    minCount: 2,
    spaces: "joined",
    sourceLowercase: false,
  });
  const used = createTokenizer(files);
  const word = fc.oneof(fc.constantFrom("dim", "the", "lights", "kitchens"), fc.string({ maxLength: 8 }));
  const text = fc.array(word, { maxLength: 6 }).map((words) => `a${words.join(" ")}`);
  fc.assert(
    fc.property(text, (read) => {
      expect(used.encodeTarget(read)).toEqual(createTokenizer(files).encodeTarget(read));
    }),
  );
});
