import { withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLibrary } from "../library/library.js";
import { trainSymbolTokenizer } from "../learn/symbol-files.js";
import { createSymbolTokenizer } from "./symbol-tokenizer.js";

const SOURCES = ["photograph", "it's", "naïve", "x-ray", "a]b\\c^d", "😀"];
const TARGETS = ["F OW T AH G R AE F", "IH T S", "N AA IY V", "EH K S R EY", "Ü1 $ . 音"];
const files = trainSymbolTokenizer({ sources: SOURCES, targets: TARGETS, sourceLowercase: true });
const tokenizer = createSymbolTokenizer(files);
const library = createLibrary(files.tokenizer, files.config);

const vocabulary = Object.entries(files.tokenizer.model.vocab).map(([symbol, id]) => ({
  symbol,
  id: Number(id),
}));
const sourceEnd = 4 + (files.config.source.symbols ?? 0);
const sourceSymbols = vocabulary.filter(({ id }) => id >= 4 && id < sourceEnd).map(({ symbol }) => symbol);
const targetSymbols = vocabulary.filter(({ id }) => id >= sourceEnd).map(({ symbol }) => symbol);

const sourceText = fc.array(fc.constantFrom(...sourceSymbols), { minLength: 1 }).map((list) => list.join(""));
const targetText = fc
  .array(fc.constantFrom(...targetSymbols), { minLength: 1 })
  .map((list) => list.join(" "));
const anyPiece = fc.oneof(
  fc.constantFrom(...vocabulary.map(({ symbol }) => symbol)),
  fc.constantFrom(...Array.from(" \t\n\u00a0\u0085\ufeff\u200béQ[]"), "[pad", "unk]"),
  fc.string({ unit: "binary", maxLength: 2 }),
);
const anyText = fc.array(anyPiece, { maxLength: 8 }).map((list) => list.join(""));

function libraryIds(text: string): readonly number[] {
  return library.encode(text, { add_special_tokens: false }).ids;
}

function attempt(run: () => number[]): number[] | undefined {
  try {
    return run();
  } catch (error) {
    expect(error).toBeInstanceOf(SlmError);
    return undefined;
  }
}

describe(createSymbolTokenizer, () => {
  test("encodes characters of a source and symbols of a target without bos or eos", () => {
    const small = createSymbolTokenizer(
      trainSymbolTokenizer({ sources: ["cat"], targets: ["K AE T"], sourceLowercase: true }),
    );
    expect(small.vocabularySize).toBe(10);
    expect(small.tokens).toEqual({ pad: 0, bos: 1, eos: 2, unknown: 3 });
    expect(small.encodeSource("CAT")).toEqual([5, 4, 6]);
    expect(small.encodeTarget("K AE T")).toEqual([8, 7, 9]);
    expect(small.decode([1, 8, 7, 9, 2, 0])).toBe("K AE T");
  });

  test("encodes its own decoded text", () => {
    fc.assert(
      fc.property(targetText, (text) => {
        const ids = tokenizer.encodeTarget(text);
        expect(tokenizer.decode(ids)).toBe(text);
        expect(tokenizer.encodeTarget(tokenizer.decode(ids))).toEqual(ids);
      }),
    );
    fc.assert(
      fc.property(sourceText, (text) => {
        expect(tokenizer.decode(tokenizer.encodeSource(text)).replaceAll(" ", "")).toBe(text);
      }),
    );
  });

  test("decodes as the general library does with the same files", () => {
    const id = fc.nat({ max: tokenizer.vocabularySize - 1 });
    fc.assert(
      fc.property(fc.array(id, { minLength: 1 }), (ids) => {
        expect(tokenizer.decode(ids)).toBe(library.decode(ids, { skip_special_tokens: true }));
      }),
    );
  });

  test("encodes as the general library does with the same files, or rejects", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        // The library does not lower-case; it treats a lower-case source the same way.
        const source = text.toLowerCase();
        const fromSource = attempt(() => tokenizer.encodeSource(source));
        if (fromSource !== undefined) expect(libraryIds(source)).toEqual(fromSource);
        const fromTarget = attempt(() => tokenizer.encodeTarget(text));
        if (fromTarget !== undefined) expect(libraryIds(text)).toEqual(fromTarget);
      }),
      { numRuns: 1000 },
    );
  });

  test("rejects only texts that are unknown, empty or special in the general library, or of the other side", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const ids = libraryIds(text);
        const isUsable = ids.length > 0 && ids.every((id) => id >= 4);
        if (isUsable && attempt(() => tokenizer.encodeTarget(text)) === undefined) {
          expect(ids.some((id) => id < sourceEnd)).toBe(true);
        }
        if (
          isUsable &&
          text === text.toLowerCase() &&
          attempt(() => tokenizer.encodeSource(text)) === undefined
        ) {
          expect(/\p{White_Space}/u.test(text) || ids.some((id) => id >= sourceEnd)).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("names an unknown character and its position", () => {
    expect(() => tokenizer.encodeSource("itqs")).toThrow(withCode("DATA_INVALID"));
    expect(() => tokenizer.encodeSource("😀q")).toThrow(withCode("DATA_INVALID"));
    expect(() => tokenizer.encodeSource("it it")).toThrow(withCode("DATA_INVALID"));
  });

  test("keeps the sides apart", () => {
    expect(() => tokenizer.encodeTarget("photo")).toThrow(SlmError);
    expect(() => tokenizer.encodeTarget("p h o")).toThrow(SlmError);
    expect(() => tokenizer.encodeSource("音")).toThrow(SlmError);
  });

  test.each(["", " ", "\n"])("rejects the empty text %j on both sides", (text) => {
    expect(() => tokenizer.encodeSource(text)).toThrow(SlmError);
    expect(() => tokenizer.encodeTarget(text)).toThrow(SlmError);
  });

  test.each(["[pad]", "[BOS]", "it[eos]", "[unk]"])(
    "never makes a special token out of the text %j",
    (text) => {
      expect(() => tokenizer.encodeSource(text)).toThrow(withCode("DATA_INVALID"));
      expect(() => tokenizer.encodeTarget(text)).toThrow(SlmError);
    },
  );

  test.each([-1, 0.5, NaN, 1e9])("rejects to decode the id %d", (id) => {
    expect(() => tokenizer.decode([4, id])).toThrow(withCode("DATA_INVALID"));
  });

  test("rejects files whose parts contradict the vocabulary", () => {
    const { tokenizer: json, config } = files;
    const wider = Object.fromEntries(
      [...vocabulary, { symbol: "extra", id: 999 }].map(({ symbol, id }) => [symbol, id]),
    );
    const altered = [
      { tokenizer: { ...json, pre_tokenizer: { type: "WhitespaceSplit" } }, config },
      { tokenizer: { ...json, normalizer: { type: "Lowercase" } }, config },
      { tokenizer: { ...json, model: { ...json.model, vocab: wider } }, config },
      { tokenizer: json, config: { ...config, eos_token: "[bos]" } },
      { tokenizer: json, config: { ...config, source: { lowercase: true, symbols: 3 } } },
    ];
    for (const wrong of altered) expect(() => createSymbolTokenizer(wrong)).toThrow(SlmError);
  });
});
