/**
 * Damages models of SentencePiece and the other files of encoder-decoders' tokenizers 10,000 times, and opens each directory: it must
 * open and work, or be rejected with a code. A crash, more than 10 seconds for one case, or more memory than the floor and eight times
 * the file fail. Eight, because a piece is kept as text, in the search tree, and once more in tokenizer.json.
 *
 *   npm run build && node tools/fuzz/sentence-piece.mjs [cases] [first seed]
 *
 * Cases run in a worker thread whose heap is bounded; a case that brings it down is named by its seed and the rest goes on.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { gunzipSync } from "node:zlib";
import { mutateJson } from "../../packages/tokenizer/test-support/mutate-json.mjs";
import { mutate } from "./mutate.mjs";

/** Heap of the program itself: the libraries, and what one collection leaves behind [MB]. */
const FLOOR_MB = 64;
const LIMIT_MS = 10_000;
const FIXTURE = new URL("../../packages/tokenizer/fixtures/families.json.gz", import.meta.url);
const TEXTS = [
  "The 3 quick foxes",
  "  Üñ \u0301½ 你好 😀\n\n\tx",
  "<extra_id_0> <mask> >>fra<<",
  "a".repeat(2000),
];

if (isMainThread) await main();
else await work(workerData);

async function main() {
  const [cases = "10000", first = "1"] = process.argv.slice(2);
  const directory = mkdtempSync(join(tmpdir(), "slm-fuzz-"));
  const bases = JSON.parse(gunzipSync(readFileSync(FIXTURE)).toString("utf8")).cases;
  const sizes = bases.map(({ files }) => Object.values(files).reduce((sum, text) => sum + text.length, 0));
  const heapMb = FLOOR_MB + Math.ceil((8 * Math.max(...sizes)) / 2 ** 20);
  const counts = {};
  const failures = [];
  let slowest = 0;
  const end = Number(first) + Number(cases);
  for (let seed = Number(first); seed < end;) {
    const { next, failure } = await runUntilEnd({ directory, seed, end }, heapMb, ({ outcome, ms }) => {
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      slowest = Math.max(slowest, ms);
    });
    if (failure !== undefined) failures.push(failure);
    seed = next;
  }
  rmSync(directory, { recursive: true, force: true });
  for (const failure of failures) console.log(`FAILED ${failure}`);
  const summary = Object.entries(counts).map(([outcome, count]) => `${count} ${outcome}`);
  console.log(
    `${cases} cases from seed ${first}: ${summary.join(", ")}, ${failures.length} failed; slowest ${Math.round(slowest)} ms; ` +
      `heap bounded at ${heapMb} MB`,
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

async function work({ directory, seed: first, end }) {
  const { createTokenizer, readEncoderDecoderTokenizer } = await import("@slm/tokenizer");
  const bases = JSON.parse(gunzipSync(readFileSync(FIXTURE)).toString("utf8")).cases;
  for (let seed = first; seed < end; seed++) {
    const { modelType, files } = bases[seed % bases.length];
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
    for (const [name, bytes] of Object.entries(corruptFiles(files, seed)))
      writeFileSync(join(directory, name), bytes);
    const start = performance.now();
    let outcome;
    try {
      outcome = tryTokenizer(createTokenizer(await readEncoderDecoderTokenizer(directory, { modelType })));
    } catch (error) {
      if (error?.name !== "SlmError") {
        parentPort.postMessage({ failure: `no code: ${error?.stack ?? error}` });
        return;
      }
      outcome = `rejected with ${error.code}`;
    }
    parentPort.postMessage({ outcome, ms: performance.now() - start });
  }
}

/** The files of a directory, one of them corrupt; the model of SentencePiece twice as often as the others together. */
function corruptFiles(files, seed) {
  const names = Object.keys(files);
  const models = names.filter((name) => /\.(?:model|spm)$/u.test(name));
  const choice = models.length > 0 && seed % 3 !== 0 ? models : names;
  const chosen = choice[Math.floor(seed / 3) % choice.length];
  return Object.fromEntries(
    Object.entries(files).map(([name, text]) => {
      const bytes = Buffer.from(text, "base64");
      if (name !== chosen) return [name, bytes];
      return [
        name,
        name.endsWith(".json")
          ? mutateJson(bytes.toString("utf8"), seed)
          : mutate(bytes, bytes.length - 8, seed),
      ];
    }),
  );
}

/** Uses a tokenizer that opened; each text is encoded and decoded, or rejected with a code. */
function tryTokenizer(tokenizer) {
  for (const text of TEXTS) {
    for (const [encode, size] of [
      [tokenizer.encodeSource, tokenizer.sourceVocabularySize ?? tokenizer.vocabularySize],
      [tokenizer.encodeTarget, tokenizer.vocabularySize],
    ]) {
      try {
        const ids = encode(text);
        if (ids.some((id) => !Number.isInteger(id) || id < 0 || id >= size)) throw new Error(`ids ${ids}`);
        if (size === tokenizer.vocabularySize && typeof tokenizer.decode(ids) !== "string")
          throw new Error("no text");
      } catch (error) {
        if (error?.name !== "SlmError") throw error;
      }
    }
  }
  return "opened";
}
