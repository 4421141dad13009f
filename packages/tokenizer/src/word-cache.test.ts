import fc from "fast-check";
import { expect, test } from "vitest";
import { trainBpeTokenizer } from "./bpe-files.js";
import { createTokenizer } from "./load-tokenizer.js";
import { createWordCache } from "./word-cache.js";

test("a word cache returns what was put, and forgets all of it when a word more comes", () => {
  const cache = createWordCache(2);
  cache.put("dim", ["d", "im"]);
  cache.put("the", ["the"]);
  expect([cache.get("dim"), cache.get("the"), cache.get("lamp")]).toEqual([["d", "im"], ["the"], undefined]);
  cache.put("lamp", ["l", "amp"]);
  expect([cache.get("dim"), cache.get("the"), cache.get("lamp")]).toEqual([
    undefined,
    undefined,
    ["l", "amp"],
  ]);
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
