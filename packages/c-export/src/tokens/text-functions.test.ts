import { encoderDecoderConfig } from "@slm/model";
import {
  pieceTokenizer,
  trainBpeTokenizer,
  trainSymbolTokenizer,
  type Piece,
  type TokenizerFiles,
} from "@slm/tokenizer";
import { describe, expect, test } from "vitest";
import { textFunctions } from "./text-functions.js";

const config = encoderDecoderConfig.parse({
  architecture: "encoder-decoder",
  width: 8,
  heads: 1,
  kvHeads: 1,
  headDim: 8,
  feedForward: 8,
  encoderLayers: 1,
  decoderLayers: 1,
  maxSource: 10,
  maxTarget: 5,
  vocabularySize: 300,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
});
const model = { name: "tiny", config, vocabulary: 300 };
const symbols = trainSymbolTokenizer({ sources: ["aé"], targets: ["X YYY"], sourceLowercase: true });
const bpe = (sourceLowercase: boolean): Promise<TokenizerFiles> =>
  trainBpeTokenizer([{ source: "ab ab ab", target: "ab" }], {
    vocabularySize: 300,
    minCount: 2,
    spaces: "joined",
    sourceLowercase,
  });

const PIECES: readonly Piece[] = [
  { text: "<pad>", score: 0, type: "control" },
  { text: "<s>", score: 0, type: "control" },
  { text: "</s>", score: 0, type: "control" },
  { text: "<unk>", score: 0, type: "unknown" },
  { text: "\u2581b\u00e9d", score: -2, type: "normal" },
  { text: "\u2581bed", score: -2.5, type: "normal" },
  { text: "\u2581", score: -3, type: "normal" },
];

/** A SentencePiece model whose answers start with `start`. */
const unigram = (start: number): TokenizerFiles =>
  pieceTokenizer({
    where: "test",
    pieces: PIECES.map((piece, id) => ({ ...piece, id })),
    added: [],
    byteFallback: false,
    normalizer: {
      characterMap: new Uint8Array(),
      addDummyPrefix: true,
      removeExtraWhitespaces: true,
      escapeWhitespaces: true,
    },
    names: { pad: "<pad>", eos: "</s>", unknown: "<unk>" },
    suffix: ["</s>"],
    tokens: { modelType: "t5", decoderStart: start },
  });

describe(textFunctions, () => {
  test("declares functions for symbols, with room for the longest answer", () => {
    const { support, header, arenaBytes } = textFunctions(model, symbols);
    expect(support).toEqual({ kind: "symbols" });
    expect(header).toContain("#define TINY_MAX_TEXT 21\n");
    expect(header).toContain(
      "int tiny_answer_text(tiny_model *model, const char *text, char *answer, size_t capacity);",
    );
    expect(arenaBytes).toBe(64);
  });

  test("declares functions for byte-level BPE, with room to merge the longest text", async () => {
    const { support, source, arenaBytes } = textFunctions(model, await bpe(false));
    expect(support).toEqual({ kind: "bpe" });
    expect(source).toContain("static const uint16_t text_ranks[]");
    // 16 tokens of 4 bytes; 10 tokens of up to 2 bytes, with 2 numbers of 2 bytes for each byte.
    expect(arenaBytes).toBe(192);
  });

  test("declares functions for SentencePiece Unigram, with pieces in the order of their bytes", () => {
    const { support, source, arenaBytes } = textFunctions(model, unigram(1));
    expect(support).toEqual({ kind: "unigram" });
    expect(source).toContain("static const uint16_t text_order[] = {\n6,5,4\n};\n");
    expect(source).toContain("static const float text_scores[] = {\n-3,-2.5,-2\n};\n");
    // 16 tokens of 4 bytes; 6 sums of 8 bytes; 3 bytes for each byte of 10 tokens of up to 5 bytes, and of one more.
    expect(arenaBytes).toBe(320);
  });

  test.each<[string, () => Promise<TokenizerFiles | undefined> | TokenizerFiles, object, RegExp]>([
    ["no tokenizer", () => Promise.resolve(undefined), {}, /has no tokenizer/u],
    [
      "a prompt",
      async () => {
        const { tokenizer, config: settings } = await bpe(false);
        return { tokenizer, config: { ...settings, source: { lowercase: false, before: "Translate: " } } };
      },
      {},
      /nor GPT-2's without a prompt/u,
    ],
    ["lower-cased BPE", () => bpe(true), {}, /lower-cases/u],
    ["a decoder start that the model lacks", () => unigram(0), {}, /special tokens of the model/u],
    ["a vocabulary that the model lacks", () => symbols, { vocabulary: 7 }, /has 8 tokens, the model has 7/u],
  ])("says why there are none for %s", async (_, files, change, reason) => {
    const { support, header, source, arenaBytes } = textFunctions({ ...model, ...change }, await files());
    expect(support).toEqual({ kind: "none", reason: expect.stringMatching(reason) as string });
    expect(header).toMatch(reason);
    expect([source, arenaBytes]).toEqual(["", 0]);
  });

  test("says why there are none for a model with other special tokens", () => {
    const other = { ...config, tokens: { ...config.tokens, eos: 3 } };
    expect(textFunctions({ ...model, config: other }, symbols).header).toMatch(
      /special tokens of the model/u,
    );
  });
});
