/** Tokenizers that exported models are tested with, and what their functions must return. */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { SlmError } from "@slm/core";
import { decoderOnlyConfig, encoderDecoderConfig, type ModelConfig } from "@slm/model";
import {
  readEncoderDecoderTokenizer,
  readTokenizerFiles,
  trainBpeTokenizer,
  trainSymbolTokenizer,
  type EncoderDecoderTokens,
  type Tokenizer,
  type TokenizerFiles,
} from "@slm/tokenizer";

const ROOT = join(import.meta.dirname, "../..");
export const MAX_SOURCE = 40;
export const MAX_TARGET = 12;

export interface TextCase {
  readonly files: () => Promise<TokenizerFiles>;
  /** Texts that its vocabulary knows. */
  readonly own: readonly string[];
  /** Tested with every build, not only with sanitizers. */
  readonly isForAllBuilds?: boolean;
  /** Bytes without a token are left out of texts, so that decoding does not restore them. */
  readonly isLossy?: boolean;
}

const GREEK = "αβσςοδάΐ'·\u0301\u0345ʰ";
const MARKED = "[]abdeknopsu";
const WORDS = ["phone", "it's", "don't", "ABBEY", "a", "e", "Z"];
const PROSE = ["the", " tokens", " of", ": ", "2024", "-", "é", "export", " ", "model", "slm", "\n"];

const CONTRACTED = [
  ..."'s 're 'll 'S ' 'l 'v 1 \u0085 <|end|> ! ...".split(" "),
  "  ",
  "\t",
  "\n\n",
  " 2",
  "\u00a0",
  "\ufeff",
];

/** Words and what a normalizer changes: spaces, ligatures, wide letters, marks. */
const SPACED = [
  ...PROSE,
  ..."▁ \u200b \u00ad \0 ﬁ ﬃ \uff28\uff45\uff4c\uff4c\uff4f ① ½ ｶﾞ".split(" "),
  "  ",
  " ",
  " ",
  " ▁",
  "\t",
  "\u3000",
  "\ufeff",
  ..."e\u0301 \u0301 \u0308 한 \u1112\u1161\u11ab 中文 😀 👨‍👩‍👧 ＜pad＞ <pad\u00ad> </s\u00ad> <unk\u00ad> Hello world you".split(
    " ",
  ),
];

/** Graphemes of several characters, short ones and long ones. */
const JOINED = [
  ..."ﬁ\u0301 ①\u0308 Ａ\u0301 e\u0301\u0308 a\u200d ©\u200d© ©\u0301\u200d©\u0301 क\u094dक\u0301 กำ".split(
    " ",
  ),
  "\u0600a",
  "\u0600\u0301",
  "\u1100\u1161\u0301",
  "가\u11a8\u0301",
  "🇩🇪\u0301",
  "\r\n",
  "\r\u0301",
  "\u0085",
  " \u0085 ",
  "\u00a0",
];

const student = (name: string): Promise<TokenizerFiles> =>
  readTokenizerFiles(join(ROOT, "packages/slm/students", name));

/** A byte-level tokenizer of our own documentation, with other scripts. */
async function documented(vocabularySize: number, spaces: "joined" | "apart"): Promise<TokenizerFiles> {
  const lines = (await readFile(join(ROOT, "README.md"), "utf8")).split("\n").filter((line) => line !== "");
  const rows = lines.map((source) => ({ source, target: "ΟΔΟΣ 한국어 😀😀 e\u0301e\u0301 42" }));
  return trainBpeTokenizer(rows, { vocabularySize, minCount: 2, spaces, sourceLowercase: false });
}

/** The same with merges in the opposite order, so that a merge often makes a pair that comes before others. */
async function reversed(): Promise<TokenizerFiles> {
  const { tokenizer, config } = await documented(700, "joined");
  const { merges } = tokenizer.model as unknown as { readonly merges: readonly string[] };
  return { tokenizer: { ...tokenizer, model: { ...tokenizer.model, merges: merges.toReversed() } }, config };
}

/** The same with GPT-2's words, and special tokens of which one begins another. */
async function ofWords(pretokenizers: readonly object[]): Promise<TokenizerFiles> {
  const { tokenizer, config } = await documented(700, "joined");
  const more = ["<|end|>", "<|end|>x", "<repo_name>"].map((content, at) => ({
    id: 700 + at,
    content,
    special: true,
  }));
  const pre_tokenizer = { type: "Sequence", pretokenizers };
  return {
    tokenizer: { ...tokenizer, pre_tokenizer, added_tokens: [...tokenizer.added_tokens, ...more] },
    config,
  };
}

const DIGITS = { type: "Digits", individual_digits: true };
const WORD_LEVEL = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };

/** The same without the byte 4, as SmolLM2, which lacks control characters. */
function withoutByte({ tokenizer, config }: TokenizerFiles): TokenizerFiles {
  const { "\u0104": id, ...vocab } = tokenizer.model.vocab as Readonly<Record<string, number>>;
  return {
    tokenizer: { ...tokenizer, model: { ...tokenizer.model, vocab: { ...vocab, xqz: id! } } },
    config,
  };
}

const PATTERNS = [
  String.raw`\p{N}`,
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
].map((Regex) => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false }));

/** The small tokenizer of a published family, as transformers saves it. */
async function published(
  name: string,
  modelType: string,
  tokens: Partial<EncoderDecoderTokens> = {},
): Promise<TokenizerFiles> {
  const fixture = await readFile(join(ROOT, "packages/tokenizer/fixtures/families.json.gz"));
  const { cases } = JSON.parse(gunzipSync(fixture).toString()) as {
    readonly cases: readonly { readonly name: string; readonly files: Readonly<Record<string, string>> }[];
  };
  const directory = await mkdtemp(join(tmpdir(), "slm-family-"));
  const { files } = cases.find((one) => one.name === name)!;
  for (const [file, content] of Object.entries(files))
    await writeFile(join(directory, file), Buffer.from(content, "base64"));
  const read = await readEncoderDecoderTokenizer(directory, { modelType, decoderStart: 0, ...tokens });
  await rm(directory, { recursive: true });
  return read;
}

/** The same as older files have it. */
function splitAtWhite({ tokenizer, config }: TokenizerFiles): TokenizerFiles {
  const metaspace = { type: "Metaspace", replacement: "\u2581", add_prefix_space: true };
  const pre_tokenizer = { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, metaspace] };
  const { normalizers } = tokenizer.normalizer as unknown as { readonly normalizers: readonly unknown[] };
  return {
    tokenizer: {
      ...tokenizer,
      pre_tokenizer,
      normalizer: { type: "Sequence", normalizers: [normalizers[0]] },
    },
    config,
  };
}

/** Words of 64 letters, which become tokens. */
const LONG_WORDS = Array.from({ length: 200 }, (_, word) =>
  createHash("sha256")
    .update(String(word))
    .digest("hex")
    .replaceAll(/\d/gu, (digit) => "ghijklmnop"[Number(digit)]!),
);

function ofLongWords(): Promise<TokenizerFiles> {
  const rows = LONG_WORDS.map((word) => ({ source: word, target: word }));
  return trainBpeTokenizer(rows, {
    vocabularySize: 20_000,
    minCount: 2,
    spaces: "joined",
    sourceLowercase: false,
  });
}

export const TEXT_CASES: Readonly<Record<string, TextCase>> = {
  "the quick start's symbols": { files: () => student("g2p"), own: WORDS },
  "symbols of Greek, where the end of a word changes a letter": {
    files: () => Promise.resolve(symbols([GREEK], ["X", "YY"], true)),
    isForAllBuilds: true,
    own: [...Array.from(GREEK), "Σ", "ΟΔΟΣ", "ΑΣ", "σ", "Σ'", "Σ\u0345", "Ά"],
  },
  "symbols that spell special tokens": {
    files: () => Promise.resolve(symbols([MARKED, "𐐨i\u0307"], ["1 2"], true)),
    own: [...Array.from(MARKED), "[", "pa", "İ", "𐐀", "[PAD", "EOS", "\u212a"],
  },
  "symbols with their case": {
    files: () => Promise.resolve(symbols(["aAΣσİ\u{1f600}"], ["1", "éè", "한"], false)),
    own: Array.from("aAΣσİ\u{1f600}"),
  },
  "symbols with 70,000 bytes of answers": {
    files: () =>
      Promise.resolve(
        symbols(
          ["abc"],
          Array.from({ length: 2000 }, (_, at) => `${"W".repeat(31)}${at}`),
          true,
        ),
      ),
    own: ["a", "b", "C"],
  },
  "BPE of the dates, spaces apart": {
    files: () => student("dates"),
    own: ["12", "/", "März", " ", "2024", "May"],
  },
  "BPE, spaces joined": { files: () => documented(700, "joined"), isForAllBuilds: true, own: PROSE },
  "BPE, spaces apart": { files: () => documented(700, "apart"), own: PROSE },
  "BPE of bytes alone": { files: () => documented(260, "joined"), own: PROSE },
  "BPE with merges in the opposite order": { files: reversed, own: PROSE },
  "BPE with GPT-2's words": {
    files: () => ofWords([WORD_LEVEL]),
    isForAllBuilds: true,
    own: [...PROSE, ...CONTRACTED],
  },
  "BPE with GPT-2's words and digits apart, as in SmolLM2": {
    files: () => ofWords([DIGITS, WORD_LEVEL]),
    own: [...PROSE, ...CONTRACTED],
  },
  "BPE with the patterns of SmolLM2's GGUF file, and a byte without a token": {
    files: async () => withoutByte(await ofWords([...PATTERNS, { ...WORD_LEVEL, use_regex: false }])),
    own: [...PROSE, ...CONTRACTED, "\u0004", "a\u0004"],
    isLossy: true,
  },
  "BPE of BART, with tokens around sources": {
    files: () => published("bart", "bart"),
    own: [...PROSE, ...CONTRACTED],
  },
  "Unigram of T5": { files: () => published("t5", "t5"), isForAllBuilds: true, own: SPACED },
  "Unigram of T5 without legacy": { files: () => published("t5-new", "t5"), own: SPACED },
  "Unigram of mT5, which spells unknown characters in bytes": {
    files: () => published("mt5", "mt5"),
    own: SPACED,
  },
  "Unigram of T5's tokenizer.json": {
    files: () => published("t5-json", "t5"),
    own: [...SPACED, ...JOINED],
  },
  "Unigram of T5's tokenizer.json, split at white space": {
    files: async () => splitAtWhite(await published("t5-json", "t5")),
    own: [...SPACED, ...JOINED],
  },
  "Unigram of Pegasus": { files: () => published("pegasus", "pegasus"), own: SPACED },
  "Unigram of Marian, with codes of languages": {
    files: () => published("marian", "marian"),
    own: [...SPACED, ">>fra<<", ">>xx<<", ">>", "<<"],
  },
  "Unigram of Marian with two vocabularies": {
    files: () => published("marian-separate", "marian"),
    own: SPACED,
  },
  "BPE with 70,000 bytes of tokens": {
    files: ofLongWords,
    own: [...LONG_WORDS, ...LONG_WORDS.map((word) => word.slice(9, 60)), "abc", " ", "z"],
  },
};

const symbols = (
  sources: readonly string[],
  targets: readonly string[],
  sourceLowercase: boolean,
): TokenizerFiles => trainSymbolTokenizer({ sources, targets, sourceLowercase });

/** A small model with a tokenizer's vocabulary. */
export function tinyModel(
  { vocabularySize, tokens }: Tokenizer,
  architecture: ModelConfig["architecture"],
): ModelConfig {
  const common = {
    architecture,
    width: 20,
    heads: 4,
    kvHeads: 2,
    headDim: 6,
    feedForward: 37,
    decoderLayers: 1,
    maxSource: MAX_SOURCE,
    maxTarget: MAX_TARGET,
    vocabularySize,
    tokens,
  };
  return architecture === "decoder-only"
    ? decoderOnlyConfig.parse(common)
    : encoderDecoderConfig.parse({ ...common, encoderLayers: 1 });
}

/** The code that the functions return for a text that a tokenizer rejects. */
const CODES: readonly (readonly [message: RegExp, code: number])[] = [
  [/contains the special token/u, -21],
  [/which is not in the vocabulary/u, -22],
  [/is empty/u, -23],
];

/** Tokens or the error of a text, as text.c prints them. */
export function expectedTokens(tokenizer: Tokenizer, text: string): string {
  try {
    const ids = tokenizer.encodeSource(text);
    return ids.length > MAX_SOURCE ? "-4" : ids.join(" ");
  } catch (error) {
    if (!(error instanceof SlmError)) throw error;
    const found = CODES.find(([message]) => message.test(error.message));
    if (found === undefined) throw error;
    return String(found[1]);
  }
}

/** Bytes or the error of tokens, as text.c prints them. */
export function expectedText(tokenizer: Tokenizer, ids: readonly number[]): string {
  try {
    return Buffer.from(tokenizer.decode(ids)).toString("hex");
  } catch (error) {
    if (error instanceof SlmError) return "-3";
    throw error;
  }
}
