/**
 * Writes packages/learn/gguf/fixtures/tokenizers.json: two small vocabularies learned here, and the ids that llama.cpp
 * gives twenty texts under each pre-tokenizer.
 *
 * Usage: node tools/peers/llama-cpp/tokenizers.mjs packages/learn/gguf/fixtures/tokenizers.json
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeVocabulary } from "./gguf-vocabulary.mjs";
import { openLlama } from "./llama.mjs";
import { CORPUS, TEXTS } from "./tokenizer-texts.mjs";

const MERGES = 500;
/** The pre-tokenizers of the table in packages/learn/gguf/src/tokenizer/pre-tokenizers.ts. */
const PRE = [
  "gpt-2",
  "olmo",
  "smollm",
  "starcoder",
  "refact",
  "command-r",
  "minerva-7b",
  "llama-bpe",
  "llama3",
  "llama-v3",
  "falcon3",
  "dbrx",
  "smaug-bpe",
  "qwen2",
  "deepseek-r1-qwen",
  "tekken",
  "gpt-4o",
  "llama4",
];
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

function sentencePiece() {
  const words = CORPUS.split("\n").flatMap((line) =>
    line.split(/(?= )/).map((word) => word.replace(/ /g, "▁")),
  );
  const merges = learnMerges(words, MERGES);
  const special = ["<unk>", "<s>", "</s>"];
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  );
  const pieces = unique([...joined(merges), ...[...CORPUS.replace(/ /g, "▁")].filter((one) => one !== "\n")]);
  const tokens = [...special, ...bytes, ...pieces];
  const types = tokens.map((_, id) => (id === 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1));
  const scores = tokens.map((_, id) => (id < 259 ? 0 : 259 - id));
  return { tokens, types, scores };
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
  ["tokenizer.ggml.unknown_token_id", "u32", 0],
];

async function idsOf(llama, file, pairs) {
  writeVocabulary(file, [...shared, ...pairs]);
  const model = await llama.loadModel({ modelPath: file, vocabOnly: true });
  const ids = TEXTS.map((text) => model.tokenize(text, false).map(Number));
  await model.dispose();
  return ids;
}

async function main(output) {
  const llama = await openLlama();
  const directory = mkdtempSync(join(tmpdir(), "slm-peer-"));
  const file = join(directory, "vocabulary.gguf");
  try {
    const gpt2 = byteLevel();
    const ids = {};
    for (const pre of PRE) {
      ids[pre] = await idsOf(llama, file, [
        ["tokenizer.ggml.model", "string", "gpt2"],
        ["tokenizer.ggml.pre", "string", pre],
        ["tokenizer.ggml.tokens", "string", gpt2.tokens],
        ["tokenizer.ggml.token_type", "i32", gpt2.types],
        ["tokenizer.ggml.merges", "string", gpt2.merges],
      ]).catch((error) => String(error));
    }
    const spm = sentencePiece();
    const spmIds = {};
    for (const prefix of [true, false]) {
      spmIds[prefix] = await idsOf(llama, file, [
        ["tokenizer.ggml.model", "string", "llama"],
        ["tokenizer.ggml.add_space_prefix", "bool", prefix],
        ["tokenizer.ggml.tokens", "string", spm.tokens],
        ["tokenizer.ggml.token_type", "i32", spm.types],
        ["tokenizer.ggml.scores", "f32", spm.scores],
      ]);
    }
    const lines = Object.entries({ texts: TEXTS, gpt2: { ...gpt2, ids }, llama: { ...spm, ids: spmIds } });
    writeFileSync(
      output,
      `{\n${lines.map(([key, value]) => `"${key}": ${JSON.stringify(value)}`).join(",\n")}\n}\n`,
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

await main(process.argv[2] ?? "packages/learn/gguf/fixtures/tokenizers.json");
