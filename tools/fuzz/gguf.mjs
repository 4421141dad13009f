/**
 * Corrupt GGUF files, read as `slm teacher import` reads them: descriptions, configuration, every tensor, the tokenizer, which
 * encodes and decodes three texts.
 * Each must be read or rejected with a code; a crash, ten seconds of silence, or memory above 4 times the file plus a floor
 * is a failure. Needs `npm run build`.
 *
 * Usage: node tools/fuzz/gguf.mjs [FILES] [FIRST_SEED]
 */
import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { externalCheckpoint, ggufTokenizer, readGguf } from "@slm/extension-gguf";
import { completeTokenizer, createTokenizer } from "@slm/tokenizer";
import { writeVocabulary } from "../interop/reference/llama-cpp/gguf-vocabulary.mjs";
import { mutate } from "./mutate.mjs";

const FIXTURES = new URL("../../packages/extension-gguf/fixtures/", import.meta.url);
const SILENCE_MS = 10_000;
/** Until a process is up; that is the machine's time, not the reader's. */
const START_MS = 120_000;
/** What Node itself, the modules and garbage that is not yet collected take [bytes]. */
const FLOOR_BYTES = 256 * 2 ** 20;
const BATCH = 500;

/** Whole files to damage, with the bytes of their descriptions: a model, and a vocabulary of each kind. */
function originals(directory) {
  const fixture = JSON.parse(readFileSync(new URL("tokenizers.json", FIXTURES), "utf8"));
  const kinds = [
    ["gpt2", fixture.bytes, ["pre", "string", "llama-bpe"]],
    ["gpt2", fixture.bytes, ["pre", "string", "kimi-k2"]],
    ["gemma4", fixture.pieces],
    ["whitespace", fixture.words, ["pre", "string", "whitespace"]],
    ["llama", fixture.scored],
    ["bert", fixture.wordPiece, ["unknown_token_id", "u32", 1], ["cls_token_id", "u32", 2]],
    ["t5", fixture.unigram, ["precompiled_charsmap", "u8", [...Buffer.from(fixture.unigram.map, "base64")]]],
  ];
  const vocabularies = kinds.map(([model, { tokens, types, merges, scores }, ...more], index) => {
    const file = join(directory, `vocabulary-${index}.gguf`);
    const pairs = [
      ["model", "string", model],
      ...more,
      ["tokens", "string", tokens],
      ["token_type", "i32", types],
      ...(merges === undefined ? [] : [["merges", "string", merges]]),
      ...(scores === undefined ? [] : [["scores", "f32", scores]]),
      ["eos_token_id", "u32", 1],
    ];
    writeVocabulary(file, [
      ["general.architecture", "string", "llama"],
      ...pairs.map(([key, type, value]) => [`tokenizer.ggml.${key}`, type, value]),
    ]);
    return readFileSync(file);
  });
  const model = readFileSync(new URL("tiny-llama.gguf", FIXTURES));
  const parts = [model, model, model, model, ...vocabularies];
  // Of a vocabulary, half the time all of it is corrupt: its map of characters, its merges, its last tokens.
  return parts.flatMap((bytes) =>
    (bytes === model ? [1800] : [600, bytes.length - 40]).map((header) => ({ bytes, header })),
  );
}

/** Texts that what is left of a tokenizer has to encode and decode, or reject. */
const TEXTS = ["The 3 quick foxes, it's 12345.", "  Üñ \u0301½ 你好 😀\n\n\tx", "<s> <0x0A> ▁"];

function useTokenizer(source, file) {
  const { tokenizer, config } = ggufTokenizer(source);
  const running = createTokenizer(completeTokenizer(tokenizer, config, {}, file));
  for (const text of TEXTS) running.decode(running.encodeTarget(text));
}

async function readAll(file) {
  const source = await readGguf(file);
  const attempt = async (run) => {
    try {
      await run();
      return true;
    } catch (error) {
      if (error?.name !== "SlmError") throw error;
      return false;
    }
  };
  const hasTensors = await attempt(async () => {
    for (const tensor of (await externalCheckpoint(source)).tensors) await tensor.read();
  });
  const hasTokenizer = await attempt(async () => useTokenizer(source, file));
  if (hasTensors && hasTokenizer) return "whole";
  return hasTensors ? "tensors alone" : hasTokenizer ? "tokenizer alone" : "descriptions alone";
}

/** Runs a batch of seeds and tells the parent of each. */
async function runBatch(first, count) {
  const directory = mkdtempSync(join(tmpdir(), "slm-fuzz-"));
  try {
    const all = originals(directory);
    const file = join(directory, "corrupt.gguf");
    for (let seed = first; seed < first + count; seed += 1) {
      const { bytes, header } = all[seed % all.length];
      const corrupt = mutate(bytes, header, seed);
      writeFileSync(file, corrupt);
      process.send({ seed });
      const outcome = await readAll(file).catch((error) =>
        error?.name === "SlmError" ? error.code : `crash: ${error?.stack}`,
      );
      const { rss } = process.memoryUsage();
      const limit = FLOOR_BYTES + 4 * corrupt.length;
      process.send({ seed, outcome: rss > limit ? `memory: ${rss} bytes, at most ${limit}` : outcome, rss });
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** One batch in a process of its own: outcomes by seed, and what went wrong with the process itself. */
function watchBatch(first, count, note) {
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(import.meta.url), ["--batch", String(first), String(count)]);
    let seed = first;
    let isSilent = false;
    const silence = (limit) =>
      setTimeout(() => {
        isSilent = true;
        child.kill("SIGKILL");
      }, limit);
    let timer = silence(START_MS);
    child.on("message", (message) => {
      clearTimeout(timer);
      timer = silence(SILENCE_MS);
      seed = message.seed;
      if (message.outcome !== undefined) note(message);
    });
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      if (code !== 0) {
        note({
          seed,
          outcome: isSilent ? `silent for ${SILENCE_MS / 1000} s` : `process ended: ${signal ?? code}`,
          rss: 0,
        });
      }
      resolve();
    });
  });
}

async function main(files, firstSeed) {
  const started = Date.now();
  const outcomes = {};
  const failures = [];
  let peak = 0;
  for (let done = 0; done < files; done += BATCH) {
    await watchBatch(firstSeed + done, Math.min(BATCH, files - done), ({ seed, outcome, rss }) => {
      const isFailure = /[:]|^silent/.test(outcome);
      if (isFailure) failures.push({ seed, outcome });
      const kind = isFailure ? "failed" : outcome;
      outcomes[kind] = (outcomes[kind] ?? 0) + 1;
      peak = Math.max(peak, rss);
    });
  }
  const read = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  console.log(
    JSON.stringify({
      files: read,
      firstSeed,
      outcomes,
      failures: failures.slice(0, 10),
      peakMiB: Math.round(peak / 2 ** 20),
      floorMiB: FLOOR_BYTES / 2 ** 20,
      seconds: Math.round((Date.now() - started) / 1000),
    }),
  );
  process.exitCode = failures.length === 0 && read === files ? 0 : 3;
}

const [first, ...rest] = process.argv.slice(2);
if (first === "--batch") await runBatch(Number(rest[0]), Number(rest[1]));
else await main(Number(first ?? 10_000), Number(rest[0] ?? 1));
