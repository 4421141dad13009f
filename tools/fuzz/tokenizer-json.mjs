/**
 * Damages tokenizer files 10,000 times and loads each: it must load and work, or be rejected with a code. A crash, more than 10
 * seconds for one case, or more memory than the floor and four times the file fail.
 *
 *   npm run build && nice -n 10 node tools/fuzz/tokenizer-json.mjs [cases] [first seed]
 *
 * Cases run in a worker thread whose heap is bounded; a case that brings it down is named by its seed and the rest goes on.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { compileMap, SMALL_MAP } from "../interop/reference/llama-cpp/compile-map.mjs";
import { mutateJson } from "../../packages/tokenizer/test-support/mutate-json.mjs";

/** Heap of the program itself: the libraries, and what one collection leaves behind [MB]. */
const FLOOR_MB = 64;
const LIMIT_MS = 10_000;
const FILES = ["tokenizer.json", "tokenizer_config.json"];
const TEXTS = [
  "dim the lights",
  '{"name": "x", "arguments": {"room": "Küche 12"}}',
  "漢字 👍🏽\n\t\u0000",
  "a".repeat(2000),
];

if (isMainThread) await main();
else await work(workerData);

async function main() {
  const [cases = "10000", first = "1"] = process.argv.slice(2);
  const root = await mkdtemp(join(tmpdir(), "slm-fuzz-"));
  const bases = await writeBases(root);
  const largest = Math.max(...bases.flatMap(({ texts }) => texts.map((text) => Buffer.byteLength(text))));
  const heapMb = FLOOR_MB + Math.ceil((4 * largest) / 2 ** 20);
  const counts = {};
  const failures = [];
  let slowest = 0;
  const end = Number(first) + Number(cases);
  for (let seed = Number(first); seed < end;) {
    const { next, failure } = await runUntilEnd({ root, bases, seed, end }, heapMb, ({ outcome, ms }) => {
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      slowest = Math.max(slowest, ms);
    });
    if (failure !== undefined) failures.push(failure);
    seed = next;
  }
  await rm(root, { recursive: true, force: true });
  for (const failure of failures) console.log(`FAILED ${failure}`);
  const summary = Object.entries(counts).map(([outcome, count]) => `${count} ${outcome}`);
  console.log(
    `${cases} cases from seed ${first}: ${summary.join(", ")}, ${failures.length} failed; slowest ${Math.round(slowest)} ms; ` +
      `heap bounded at ${heapMb} MB (${FLOOR_MB} MB and 4 times the largest file, ${Math.ceil(largest / 1024)} KiB)`,
  );
  process.exitCode = failures.length === 0 ? 0 : 3;
}

/** Runs cases in one worker until all are done or one brings it down. */
function runUntilEnd(data, heapMb, onCase) {
  return new Promise((resolve) => {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    });
    let seed = data.seed;
    const fail = (reason) => {
      clearTimeout(timer);
      void worker.terminate().then(() => resolve({ next: seed + 1, failure: `seed ${seed}: ${reason}` }));
    };
    const hang = () => fail(`more than ${LIMIT_MS / 1000} s`);
    // Starting the worker counts for its first case: it is short of the limit.
    let timer = setTimeout(hang, LIMIT_MS);
    worker.on("message", (message) => {
      clearTimeout(timer);
      if (message.failure !== undefined) return fail(message.failure);
      onCase(message);
      seed++;
      if (seed < data.end) timer = setTimeout(hang, LIMIT_MS);
      else void worker.terminate().then(() => resolve({ next: seed }));
    });
    worker.on("error", (error) => fail(error.code ?? error.message));
  });
}

async function work({ root, bases, seed: first, end }) {
  const { loadTokenizer } = await import("@slm/tokenizer");
  const { SlmError } = await import("@slm/core");
  for (let seed = first; seed < end; seed++) {
    const { texts } = bases[seed % bases.length];
    const corrupt = seed % 4 === 0 ? 1 : 0;
    for (const [index, name] of FILES.entries()) {
      await writeFile(join(root, name), index === corrupt ? mutateJson(texts[index], seed) : texts[index]);
    }
    const start = performance.now();
    let outcome;
    try {
      outcome = await tryTokenizer(await loadTokenizer(root), SlmError);
    } catch (error) {
      if (!(error instanceof SlmError)) {
        parentPort.postMessage({ failure: `no code: ${error?.stack ?? error}` });
        return;
      }
      outcome = `rejected with ${error.code}`;
    }
    parentPort.postMessage({ outcome, ms: performance.now() - start });
  }
}

/** Uses a tokenizer that loaded; each text is encoded and decoded, or rejected with a code. */
function tryTokenizer(tokenizer, SlmError) {
  for (const text of TEXTS) {
    try {
      const ids = tokenizer.encodeTarget(text);
      if (ids.some((id) => !Number.isInteger(id) || id < 0 || id >= tokenizer.vocabularySize))
        throw new Error(`ids ${ids}`);
      if (typeof tokenizer.decode(ids) !== "string") throw new Error("no text");
    } catch (error) {
      if (!(error instanceof SlmError)) throw error;
    }
  }
  return "loaded";
}

/** Tokenizers of several kinds, whose files are corrupt. */
async function writeBases(root) {
  const { trainBpeTokenizer, trainSymbolTokenizer, writeTokenizer } = await import("@slm/tokenizer");
  const words = "dim the kitchen lights a little bit and turn the radio in the bed room up please".split(" ");
  const rows = words.map((word, at) => ({
    source: `${word} ${words.slice(0, at).join(" ")}`,
    target: `{"name": "${word}", "arguments": {"level": ${at}}}`,
  }));
  const options = { vocabularySize: 600, minCount: 1, sourceLowercase: true };
  const made = [
    await trainBpeTokenizer(rows, { ...options, spaces: "joined" }),
    await trainBpeTokenizer(rows, { ...options, spaces: "apart", sourceLowercase: false }),
    trainSymbolTokenizer({ sources: ["dim", "lights"], targets: ["K AE T"], sourceLowercase: true }),
  ];
  const unigram = readUnigram(made[0]);
  const bases = [];
  for (const files of [...made, unigram, withMap(unigram), readWordPiece(made[0])]) {
    await writeTokenizer(files, root);
    bases.push({ texts: await Promise.all(FILES.map((name) => readFile(join(root, name), "utf8"))) });
  }
  return bases;
}

/** The same with a compiled map of characters in front. */
function withMap({ tokenizer, config }) {
  const map = { type: "Precompiled", precompiled_charsmap: compileMap(SMALL_MAP).toString("base64") };
  const { normalizers } = tokenizer.normalizer;
  return {
    tokenizer: { ...tokenizer, normalizer: { type: "Sequence", normalizers: [map, ...normalizers] } },
    config: { ...config, unknown_text: "kept" },
  };
}

/** A WordPiece tokenizer as it is made of a GGUF file. */
function readWordPiece({ tokenizer, config }) {
  const pieces = ["[pad]", "[bos]", "[eos]", "[unk]", "▁dim", "▁the", "▁light", "▁l", "s", "a", "ights"];
  return {
    tokenizer: {
      ...tokenizer,
      normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, lowercase: true },
      pre_tokenizer: {
        type: "Sequence",
        pretokenizers: [
          { type: "BertPreTokenizer" },
          { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: false },
        ],
      },
      decoder: { type: "WordPiece", prefix: "##", cleanup: true },
      model: {
        type: "WordPiece",
        unk_token: "[unk]",
        continuing_subword_prefix: "",
        max_input_chars_per_word: 100,
        vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      },
    },
    config: { ...config, source: { lowercase: false }, unknown_text: "kept" },
  };
}

/** A Unigram tokenizer with normalizers and a Metaspace, as many published ones are. */
function readUnigram({ tokenizer, config }) {
  const pieces = [
    "[pad]",
    "[bos]",
    "[eos]",
    "[unk]",
    "▁",
    "▁dim",
    "▁the",
    "▁light",
    "s",
    "a",
    "t",
    "e",
    "i",
    "n",
  ];
  return {
    tokenizer: {
      ...tokenizer,
      normalizer: {
        type: "Sequence",
        normalizers: [{ type: "NFKC" }, { type: "Replace", pattern: { Regex: " {2,}" }, content: " " }],
      },
      pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
      decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
      model: { type: "Unigram", unk_id: 3, vocab: pieces.map((piece, at) => [piece, -at]) },
    },
    config: { ...config, source: { lowercase: false } },
  };
}
