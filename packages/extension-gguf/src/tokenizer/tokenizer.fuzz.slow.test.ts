/** Vocabularies with changed values either work or are rejected; every byte-level pre-tokenizer restores texts. */
import { SlmError } from "@slm/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { running, VOCABULARIES } from "../testing/tokenizer-fixture.test-support.js";
import { PRE_TOKENIZERS } from "./pre-tokenizers.js";

const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 6 }),
      fc.string({ unit: "binary", maxLength: 4 }),
      fc.constantFrom(
        "  ",
        "\n",
        "\r\n\r\n",
        "\t",
        "12345",
        "'ll",
        "Don'T",
        "ÄÖ",
        "क्या",
        "한국어",
        "文字",
        "🇩🇪",
        "\ufeff",
        "\u0085",
      ),
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((parts) => parts.join(""))
  .filter((text) => text !== "" && !/\p{Surrogate}/u.test(text) && !/<s>|<\/s>|<unk>|<pad>/.test(text));

describe("texts come back as they were", () => {
  const ofBytes = Object.entries(PRE_TOKENIZERS).filter(
    ([, { spelling, isNfc }]) => spelling === "bytes" && !isNfc,
  );
  // One name per pre-tokenizer.
  const cutters = [...new Map(ofBytes.map(([name, { patterns }]) => [patterns.join(), name])).values()];

  test("of every cutter of bytes", () => {
    const tokenizers = new Map(cutters.map((pre) => [pre, running(VOCABULARIES.bytes({ pre }))]));
    fc.assert(
      fc.property(fc.constantFrom(...cutters), anyText, (pre, text) => {
        const tokenizer = tokenizers.get(pre)!;
        expect(tokenizer.decode(tokenizer.encodeTarget(text)), pre).toBe(text);
      }),
      { numRuns: 1500, seed: 1 },
    );
  });

  test.each(["scored", "pieces"] as const)("of pieces that fall back to bytes: %s", (kind) => {
    const tokenizer = running(VOCABULARIES[kind]());
    fc.assert(
      fc.property(anyText, (text) => {
        // The library's decoder drops a byte order mark in bytes; the sign for a space is one.
        fc.pre(!/[\ufeff▁]/u.test(text));
        expect(tokenizer.decode(tokenizer.encodeTarget(text))).toBe(text);
      }),
      { numRuns: 400, seed: 2 },
    );
  });
});

describe("a vocabulary with changed values", () => {
  const anyValue = fc.oneof(
    fc.integer({ min: -2, max: 700 }),
    fc.boolean(),
    fc.string({ maxLength: 8 }),
    fc.constantFrom(...Object.keys(PRE_TOKENIZERS)),
    fc.array(fc.string({ maxLength: 4 }), { minLength: 1, maxLength: 5 }),
    fc.array(fc.integer({ min: -1, max: 8 }), { maxLength: 5 }).map((values) => Int32Array.from(values)),
    fc.uint8Array({ maxLength: 60 }),
    fc.constant(undefined),
  );
  const keys = [
    "model",
    "pre",
    "merges",
    "tokens",
    "token_type",
    "scores",
    "precompiled_charsmap",
    "add_bos_token",
    "add_eos_token",
    "add_space_prefix",
    "remove_extra_whitespaces",
    "normalizer.lowercase",
    ..."bos_token_id eos_token_id unknown_token_id padding_token_id mask_token_id cls_token_id".split(" "),
  ];

  test.each(Object.keys(VOCABULARIES) as (keyof typeof VOCABULARIES)[])("%s is used or rejected", (kind) => {
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...keys), anyValue, { maxKeys: 3 }),
        anyText,
        (over, text) => {
          try {
            const tokenizer = running(VOCABULARIES[kind](over));
            outcomes.add("used");
            const ids = tokenizer.encodeTarget(text);
            expect(ids.every((id) => id >= 0 && id < tokenizer.vocabularySize)).toBe(true);
            expect(typeof tokenizer.decode(ids)).toBe("string");
          } catch (error) {
            if (!(error instanceof SlmError)) throw error;
            outcomes.add("rejected");
          }
        },
      ),
      { numRuns: 150, seed: 3 },
    );
    expect(outcomes).toEqual(new Set(["used", "rejected"]));
  });
});
