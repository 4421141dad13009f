/**
 * Writes packages/extension-gguf/fixtures/tokenizers.json: small vocabularies learned here, one of each kind, and the ids that
 * llama.cpp gives twenty texts under each pre-tokenizer of packages/extension-gguf/src/tokenizer/pre-tokenizers.ts. Needs
 * `npm run build`.
 *
 * Usage: node tools/interop/reference/llama-cpp/tokenizers.mjs packages/extension-gguf/fixtures/tokenizers.json
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PRE_TOKENIZERS } from "../../../../packages/extension-gguf/dist/tokenizer/pre-tokenizers.js";
import { compileMap, SMALL_MAP } from "./compile-map.mjs";
import { writeVocabulary } from "./gguf-vocabulary.mjs";
import { openLlama } from "./llama.mjs";
import { CORPUS, TEXTS } from "./tokenizer-texts.mjs";

const MERGES = 500;
const GPT2_WORDS = /'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** GPT-2's printable stand-ins for bytes. */
function byteSymbols() {
  const printable = [...Array(256).keys()].filter(
    (byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173),
  );
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(printable.includes(byte) ? byte : next++),
  );
}

/** Most frequent pair first, ties by text: the plain algorithm. */
function learnMerges(words, count) {
  const merges = [];
  let pieces = words.map((word) => [...word]);
  while (merges.length < count) {
    const pairs = new Map();
    for (const word of pieces) {
      for (let at = 0; at + 1 < word.length; at += 1) {
        const pair = `${word[at]} ${word[at + 1]}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
      }
    }
    const [best] = [...pairs].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    if (best === undefined || best[1] < 2) break;
    merges.push(best[0]);
    const [left, right] = best[0].split(" ");
    pieces = pieces.map((word) => {
      const merged = [];
      for (let at = 0; at < word.length; at += 1) {
        const joins = word[at] === left && word[at + 1] === right;
        merged.push(joins ? left + right : word[at]);
        if (joins) at += 1;
      }
      return merged;
    });
  }
  return merges;
}

const unique = (items) => [...new Set(items)];
const joined = (merges) => unique(merges.map((merge) => merge.replace(" ", "")));

function byteLevel() {
  const symbols = byteSymbols();
  const words = CORPUS.match(GPT2_WORDS).map((word) =>
    [...Buffer.from(word, "utf8")].map((byte) => symbols[byte]).join(""),
  );
  const merges = learnMerges(words, MERGES);
  const tokens = ["<unk>", "<s>", "</s>", "<pad>", ...symbols, ...joined(merges)];
  return { tokens, types: tokens.map((_, id) => (id < 4 ? 3 : 1)), merges };
}

const byteNames = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
);

/** Pieces with a sign for the space. */
function pieces() {
  const words = CORPUS.split("\n").flatMap((line) =>
    line.split(/(?= )/).map((word) => word.replace(/ /g, "▁")),
  );
  const merges = learnMerges(words, MERGES);
  const letters = [...CORPUS.replace(/ /g, "▁")].filter((one) => one !== "\n");
  return { merges, pieces: unique([...joined(merges), ...letters]) };
}

const typed = (special, rest) => {
  const tokens = [...special, ...byteNames, ...rest];
  const ordinary = special.length + byteNames.length;
  const types = tokens.map((_, id) => (id === 0 ? 2 : id < special.length ? 3 : id < ordinary ? 6 : 1));
  return { tokens, types };
};

function sentencePiece() {
  const { tokens, types } = typed(["<unk>", "<s>", "</s>"], pieces().pieces);
  return { tokens, types, scores: tokens.map((_, id) => (id < 259 ? 0 : 259 - id)) };
}

/** As Gemma 4's: merges of pieces, runs of line ends that are tokens. */
function mergedPieces() {
  const learned = pieces();
  const lines = ["\n", "\n\n"];
  return {
    ...typed(["<unk>", "<s>", "</s>"], [...lines, ...learned.pieces]),
    merges: ["\n \n", ...learned.merges],
  };
}

/** Pieces with scores that fall with their place, as a Unigram model has them; the rarest letters are no tokens. */
function unigram() {
  const learned = pieces().pieces;
  const common = learned.filter((one) => one.length > 1 || CORPUS.split(one).length > 2);
  const tokens = ["<pad>", "</s>", "<unk>", "▁", ...unique(common).filter((one) => one !== "▁")];
  const types = tokens.map((_, id) => (id === 2 ? 2 : id < 2 ? 3 : 1));
  const scores = tokens.map((_, id) => (id < 3 ? 0 : -2 - Math.log(id)));
  return { tokens, types, scores, map: [...compileMap(SMALL_MAP)] };
}

/** Words without spaces. */
function spacelessWords() {
  const merges = learnMerges(CORPUS.split(/\s+/).filter(Boolean), MERGES);
  const letters = [...CORPUS].filter((one) => /\S/.test(one));
  const tokens = ["<unk>", "<s>", "</s>", ...unique([...joined(merges), ...letters])];
  return { tokens, types: tokens.map((_, id) => (id === 0 ? 2 : id < 3 ? 3 : 1)), merges };
}

/** Beginnings of words with a mark in front, and what goes on without one. */
function wordPieces() {
  const words = CORPUS.normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase()
    .split(/[\s\p{P}\p{S}]+/u)
    .filter(Boolean)
    .map((word) => `▁${word}`);
  const merges = learnMerges(words, MERGES);
  const starts = [...new Set([...CORPUS.toLowerCase()].filter((one) => /\S/.test(one)))].map(
    (one) => `▁${one}`,
  );
  // Half of the letters only: some words become the unknown token.
  const letters = unique(words.flatMap((word) => [...word.slice(1)])).filter((_, index) => index % 2 === 0);
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const tokens = unique([...special, ...starts, ...joined(merges).filter((one) => one !== "▁"), ...letters]);
  return { tokens, types: tokens.map((_, id) => (id < special.length ? 3 : 1)) };
}

const shared = [
  ["general.architecture", "string", "llama"],
  ["llama.block_count", "u32", 1],
  ["llama.context_length", "u32", 64],
  ["llama.embedding_length", "u32", 32],
  ["llama.feed_forward_length", "u32", 32],
  ["llama.attention.head_count", "u32", 1],
  ["llama.attention.layer_norm_rms_epsilon", "f32", 1e-5],
  ["tokenizer.ggml.bos_token_id", "u32", 1],
  ["tokenizer.ggml.eos_token_id", "u32", 2],
];

async function idsOf(llama, file, pairs) {
  writeVocabulary(file, [...shared, ...pairs]);
  const model = await llama.loadModel({ modelPath: file, vocabOnly: true });
  const ids = TEXTS.map((text) => model.tokenize(text, false).map(Number));
  await model.dispose();
  return ids;
}

const metadata = ({ tokens, types, merges, scores }) => [
  ["tokenizer.ggml.tokens", "string", tokens],
  ["tokenizer.ggml.token_type", "i32", types],
  ...(merges === undefined ? [] : [["tokenizer.ggml.merges", "string", merges]]),
  ...(scores === undefined ? [] : [["tokenizer.ggml.scores", "f32", scores]]),
];

/** One entry for names with the same ids. */
function grouped(idsByName) {
  const groups = new Map();
  for (const [name, ids] of idsByName) {
    const key = JSON.stringify(ids);
    groups.set(key, [...(groups.get(key) ?? []), name]);
  }
  return [...groups].map(([ids, names]) => ({ names, ids: JSON.parse(ids) }));
}

async function main(output) {
  const llama = await openLlama();
  const directory = mkdtempSync(join(tmpdir(), "slm-peer-"));
  const file = join(directory, "vocabulary.gguf");
  const kind = (model, ...pairs) => [["tokenizer.ggml.model", "string", model], ...pairs];
  try {
    const vocabularies = { bytes: byteLevel(), pieces: mergedPieces(), words: spacelessWords() };
    const idsByName = { bytes: [], pieces: [], words: [] };
    const lacking = [];
    for (const [pre, { spelling }] of Object.entries(PRE_TOKENIZERS)) {
      const model = spelling === "words" ? "whitespace" : "gpt2";
      const pairs = kind(model, ["tokenizer.ggml.pre", "string", pre], ...metadata(vocabularies[spelling]));
      const ids = await idsOf(llama, file, pairs).catch(() => undefined);
      if (ids === undefined) lacking.push(pre);
      else idsByName[spelling].push([pre, ids]);
    }
    console.log(`this llama.cpp does not know ${lacking.join(", ") || "none"}`);
    const merged = Object.fromEntries(
      Object.entries(vocabularies).map(([name, one]) => [name, { ...one, ids: grouped(idsByName[name]) }]),
    );
    const scored = sentencePiece();
    const scoredIds = {};
    for (const prefix of [true, false]) {
      const flag = ["tokenizer.ggml.add_space_prefix", "bool", prefix];
      scoredIds[prefix] = await idsOf(llama, file, kind("llama", flag, ...metadata(scored)));
    }
    const wordPiece = wordPieces();
    const wordPieceIds = {};
    for (const lowercase of [true, false]) {
      const flags = [
        ["tokenizer.ggml.normalizer.lowercase", "bool", lowercase],
        ["tokenizer.ggml.unknown_token_id", "u32", 1],
        ["tokenizer.ggml.cls_token_id", "u32", 2],
        ["tokenizer.ggml.seperator_token_id", "u32", 3],
      ];
      wordPieceIds[lowercase] = await idsOf(llama, file, kind("bert", ...flags, ...metadata(wordPiece)));
    }
    const weighed = unigram();
    const weighedIds = {};
    for (const joins of [true, false]) {
      const pairs = [
        ["tokenizer.ggml.remove_extra_whitespaces", "bool", joins],
        ["tokenizer.ggml.add_space_prefix", "bool", true],
        ["tokenizer.ggml.precompiled_charsmap", "u8", weighed.map],
        ["tokenizer.ggml.unknown_token_id", "u32", 2],
      ];
      weighedIds[joins] = await idsOf(llama, file, kind("t5", ...pairs, ...metadata(weighed)));
    }
    const lines = Object.entries({
      texts: TEXTS,
      lacking,
      ...merged,
      scored: { ...scored, ids: scoredIds },
      wordPiece: { ...wordPiece, ids: wordPieceIds },
      unigram: { ...weighed, map: Buffer.from(weighed.map).toString("base64"), ids: weighedIds },
    });
    writeFileSync(
      output,
      `{\n${lines.map(([key, value]) => `"${key}": ${JSON.stringify(value)}`).join(",\n")}\n}\n`,
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

await main(process.argv[2] ?? "packages/extension-gguf/fixtures/tokenizers.json");
