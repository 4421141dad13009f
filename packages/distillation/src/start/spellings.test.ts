import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { spellings } from "./spellings.js";

const others = ["", "p", "play", "list", "ing", " gym", "g", "y", "m", "\uFFFD", "play", "é"];
const spelt = (text: string): readonly (string | undefined)[] =>
  spellings([text], others)[0]!.map((id) => others[id]);

describe(spellings, () => {
  test.each([
    ["playlist", ["play", "list"], "the longest beginnings"],
    ["gym", [" gym"], "one token with a space before it instead of three"],
    ["play", ["play"], "as it stands where a space makes it no shorter"],
    ["gyms", [], "no tokens for a text with a character that no token begins with"],
    ["", [], "no tokens for no text"],
    ["\uFFFD", [], "no tokens for a part of a character, since any part reads so"],
    ["é", ["é"], "letters beyond ASCII"],
  ])("spells %o as %o: %s", (text, expected) => {
    expect(spelt(text)).toEqual(expected);
  });

  test("uses the first of several tokens with the same text", () => {
    expect(spellings(["play"], others)).toEqual([[2]]);
  });

  test("restores the text, with or without a leading space", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", " ", "ü"), maxLength: 8 });
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 6 }),
        fc.array(letters, { maxLength: 6 }),
        (texts, tokens) => {
          const vocabulary = ["a", "b", " ", "ü", ...tokens];
          spellings(texts, vocabulary).forEach((ids, at) => {
            const back = ids.map((id) => vocabulary[id]!).join("");
            expect([texts[at], ` ${texts[at]!}`]).toContain(back);
          });
        },
      ),
    );
  });
});
