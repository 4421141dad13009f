import { describe, expect, test } from "vitest";
import { pieceTokenizer } from "../families/piece-tokenizer.js";
import type { TokenizerFiles } from "../files/tokenizer-files.js";
import { DEFAULT_NORMALIZER, UNKNOWN_TEXT, type SentencePieceModel } from "../sentencepiece/model-proto.js";
import { writeSentencePieceModel } from "../sentencepiece/write-model.js";
import { base64Text } from "../text/utf8.js";
import { unigramVocabulary } from "./unigram-vocabulary.js";

const model: SentencePieceModel = {
  type: "unigram",
  pieces: [
    { text: "<pad>", score: 0, type: "control" },
    { text: "</s>", score: 0, type: "control" },
    { text: "<unk>", score: 0, type: "unknown" },
    { text: "▁", score: -2, type: "normal" },
    { text: "▁ab", score: -3, type: "normal" },
    { text: "<user>", score: 0, type: "user" },
  ],
  byteFallback: false,
  whitespaceIsSuffix: false,
  unknownText: UNKNOWN_TEXT,
  normalizer: DEFAULT_NORMALIZER,
  denormalizer: { ...DEFAULT_NORMALIZER, addDummyPrefix: false },
};

const made = pieceTokenizer({
  where: "test",
  pieces: model.pieces.map((piece, id) => ({ ...piece, id })),
  added: [
    { id: 6, text: "<extra_id_0>" },
    { id: 7, text: "é" },
  ],
  byteFallback: false,
  normalizer: DEFAULT_NORMALIZER,
  names: { pad: "<pad>", eos: "</s>", unknown: "<unk>" },
  suffix: ["</s>"],
  tokens: { modelType: "t5", decoderStart: 0 },
});

function pieceFiles(change: Partial<SentencePieceModel>, config: object = {}): TokenizerFiles {
  const source = base64Text(writeSentencePieceModel({ ...model, ...change }));
  return { ...made, config: { ...made.config, sentencepiece: { source }, ...config } };
}

/** The same as a tokenizer.json alone. */
function jsonFiles(tokenizer: object = {}, config: object = {}): TokenizerFiles {
  const added = made.tokenizer.added_tokens.filter(({ special }) => special === true);
  return {
    tokenizer: { ...made.tokenizer, added_tokens: added, ...tokenizer },
    config: { ...made.config, sentencepiece: undefined, ...config },
  };
}

const NAMED = new Map([
  ["<pad>", 0],
  ["</s>", 1],
  ["<unk>", 2],
  ["<extra_id_0>", 6],
  ["é", 7],
]);
const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };
const languages = { tokens: { de: "</s>" }, place: "before", begins: "forced_bos" } as const;

describe(unigramVocabulary, () => {
  test("reads the pieces, the rules and the texts of answers of a SentencePiece model", () => {
    expect(unigramVocabulary(made)).toMatchObject({
      rule: { words: "whole", isRounded: true, addsSpace: true, removesSpaces: true },
      pieces: [
        { text: "▁", score: -2, id: 3 },
        { text: "▁ab", score: -3, id: 4 },
        { text: "<user>", id: 5 },
      ],
      unknown: { id: 2, score: -13, isKept: true, named: NAMED },
      special: ["<pad>", "</s>", "<unk>", "<extra_id_0>"],
      symbols: ["<user>"],
      after: [1],
      answer: [
        ...Array.from({ length: 3 }, () => ({ kind: "none" })),
        ...["▁", "▁ab", "<user>"].map((text) => ({ kind: "piece", text })),
        { kind: "none" },
        { kind: "literal", text: "é" },
      ],
      dropped: "all",
      trims: true,
    });
  });

  test("T5 without legacy has the unknown token in front of texts", () => {
    const { source } = made.config.sentencepiece!;
    const config = { sentencepiece: { source, one_prefix: true } };
    expect(unigramVocabulary(pieceFiles({}, config))).toMatchObject({
      rule: { addsSpace: false },
      opening: { text: "<unk>▁", tokens: 1 },
      readsSign: true,
    });
  });

  test.each<[string, object, string]>([
    ["Metaspace", {}, "spaces"],
    [
      "white space and Metaspace, as in older files",
      {
        normalizer: null,
        pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, metaspace] },
      },
      "white",
    ],
  ])("reads a tokenizer.json with %s", (_, tokenizer, words) => {
    expect(unigramVocabulary(jsonFiles(tokenizer))).toMatchObject({
      rule: { words, isRounded: false },
      unknown: { id: 2, isKept: true },
      dropped: "one",
      trims: false,
    });
  });

  test.each<[string, TokenizerFiles, RegExp]>([
    ["BPE", pieceFiles({ type: "bpe" }), /of type bpe/u],
    ["spaces after words", pieceFiles({ whitespaceIsSuffix: true }), /spaces after words/u],
    ["languages of answers", pieceFiles({}, { languages }), /needs the language/u],
    ["lower case", pieceFiles({}, { source: { lowercase: true } }), /lower-cases/u],
    [
      "a changed denormalizer",
      pieceFiles({
        denormalizer: { ...DEFAULT_NORMALIZER, characterMap: Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0, 0) },
      }),
      /characters of answers/u,
    ],
    ["tokenizer.json with languages", jsonFiles({}, { languages }), /needs the language/u],
    ["tokenizer.json with a prompt", jsonFiles({}, { source: { lowercase: false, before: "a" } }), /prompt/u],
    ["tokenizer.json with other words", jsonFiles({ pre_tokenizer: null }), /splits or decodes/u],
    ["spaces removed", jsonFiles({}, { clean_up_tokenization_spaces: true }), /removes spaces/u],
    [
      "tokenizer.json with tokens that are text",
      jsonFiles({ added_tokens: [{ id: 3, content: "▁", special: false }] }),
      /added tokens/u,
    ],
    [
      "tokenizer.json with other scores",
      jsonFiles({ model: { ...made.tokenizer.model, vocab: [["<unk>", 0.1]], unk_id: 0 } }),
      /added tokens|float32/u,
    ],
  ])("says why there is none for %s", (_, files, reason) => {
    expect(unigramVocabulary(files)).toEqual({ reason: expect.stringMatching(reason) as string });
  });
});
