import { withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SMALLEST_BPE_VOCABULARY, trainBpeTokenizer, type BpeOptions, type TextPair } from "./bpe-files.js";
import { createTokenizer } from "../create-tokenizer.js";
import { type TokenizerFiles } from "../files/tokenizer-files.js";

const OPTIONS: BpeOptions = { vocabularySize: 400, minCount: 2, spaces: "joined", sourceLowercase: false };

const ROWS: readonly TextPair[] = [
  "dim the kitchen lights",
  "dim the bedroom lights a little",
  "turn the kitchen radio down",
  "turn the bedroom heating up to 21",
].map((source, index) => ({
  source,
  target: `{"name": "SetLight", "arguments": {"room": "${source.split(" ")[2] ?? ""}", "level": ${index}}}`,
}));

const train = (options: Partial<BpeOptions> = {}, rows = ROWS): Promise<TokenizerFiles> =>
  trainBpeTokenizer(rows, { ...OPTIONS, ...options });

/** Tokens by id. An object would sort its numeric keys first. */
const tokensOf = ({ tokenizer }: TokenizerFiles): readonly string[] =>
  Object.entries(tokenizer.model.vocab)
    .sort(([, left], [, right]) => Number(left) - Number(right))
    .map(([token]) => token);

/** Many kinds of Unicode text, in sequences that tokenizers often get wrong. */
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 12 }),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }),
      fc.constantFrom(...Array.from(" \u00a0\u0085\u3000\ufeff\u200b\0\u0301ﷺİĠĊ")),
      fc.constantFrom("   ", "\n\n", "\t \r\n", "\u0000\u0001", "e\u0301", "漢字かな", "👩‍👩‍👧‍👦", "👍🏽"),
      fc.constantFrom('{"name": "AddToPlaylist"}', "[pad", "<0xE2>", "__proto__", "constructor"),
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((parts) => parts.join(""));

describe(trainBpeTokenizer, () => {
  test.each(["joined", "apart"] as const)("restores any text exactly (spaces %s)", async (spaces) => {
    const tokenizer = createTokenizer(await train({ spaces }));
    fc.assert(
      fc.property(anyText, (text) => {
        expect(tokenizer.decode(tokenizer.encodeTarget(text))).toBe(text);
        expect(tokenizer.decode(tokenizer.encodeSource(text))).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  test("contains the special tokens, then all 256 bytes, then merges, and no more than requested", async () => {
    const tokens = tokensOf(await train({ vocabularySize: 300 }));
    expect(tokens).toHaveLength(300);
    expect(tokens.slice(0, 5)).toEqual(["[pad]", "[bos]", "[eos]", "[unk]", "!"]);
    expect(new Set(tokens.slice(4, 260)).size).toBe(256);
    expect(tokens.slice(4, 260).every((token) => token.length === 1)).toBe(true);
    expect(tokens.slice(260).every((token) => token.length > 1)).toBe(true);
    expect(tokensOf(await train({ vocabularySize: SMALLEST_BPE_VOCABULARY }))).toHaveLength(260);
  });

  test("is the same whatever the order of the rows", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ source: anyText, target: anyText }), { minLength: 1, maxLength: 6 }),
        async (rows) => {
          const options = { vocabularySize: 300, minCount: 1 };
          const forward = await train(options, rows);
          expect(await train(options, rows.toReversed())).toEqual(forward);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("never merges over a cut: spaces apart keep words and JSON punctuation whole", async () => {
    const row = { source: "kitchen lights", target: '{"room": "kitchen lights"}' };
    const options = { minCount: 1, vocabularySize: 1000 };
    const pieces = async (spaces: BpeOptions["spaces"]): Promise<readonly string[]> => {
      const tokenizer = createTokenizer(await train({ ...options, spaces }, [row]));
      return tokenizer.encodeTarget(row.target).map((id) => tokenizer.decode([id]));
    };
    expect(await pieces("apart")).toEqual(['{"', "room", '": "', "kitchen", " ", "lights", '"}']);
    expect(await pieces("joined")).toEqual(['{"', "room", '":', ' "', "kitchen", " lights", '"}']);
  });

  test("lower-cases sources where told to, never targets", async () => {
    const tokenizer = createTokenizer(await train({ sourceLowercase: true }));
    expect(tokenizer.encodeSource("DIM The Lights")).toEqual(tokenizer.encodeSource("dim the lights"));
    expect(tokenizer.decode(tokenizer.encodeSource("DIM İt"))).toBe("dim i̇t");
    expect(tokenizer.decode(tokenizer.encodeTarget("DIM İt"))).toBe("DIM İt");
  });

  test.each(["\ud83d", "a\udc00b", "\udc00\ud800"])("rejects half a character by name: %j", async (text) => {
    const tokenizer = createTokenizer(await train());
    expect(() => tokenizer.encodeSource(text)).toThrow(withCode("DATA_INVALID"));
    expect(() => tokenizer.encodeTarget(text)).toThrow(withCode("DATA_INVALID"));
    await expect(train({}, [{ source: "a", target: text }])).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test.each(["[pad]", "x[eos]y", "[bos][bos]"])("never makes a special token out of %j", async (text) => {
    const tokenizer = createTokenizer(await train());
    expect(() => tokenizer.encodeSource(text)).toThrow(withCode("DATA_INVALID"));
    expect(() => tokenizer.encodeTarget(text)).toThrow(withCode("DATA_INVALID"));
    await expect(train({}, [{ source: text, target: "a" }])).rejects.toThrow(SlmError);
  });

  test("rejects the empty text, and a data set without rows", async () => {
    expect(() => createTokenizer(TRAINED).encodeSource("")).toThrow(withCode("DATA_INVALID"));
    await expect(train({}, [])).rejects.toThrow(SlmError);
  });

  test("leaves special tokens out of a text, and writes corrupt bytes as U+FFFD", () => {
    const tokenizer = createTokenizer(TRAINED);
    const euro = tokenizer.encodeTarget("€");
    expect(tokenizer.decode([1, ...euro, 2, 0, 0])).toBe("€");
    expect(tokenizer.decode(euro.slice(0, 2))).toBe("\ufffd");
  });
});

const TRAINED = await train();
