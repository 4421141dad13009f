/**
 * Corrupt JSONL, CSV and Parquet files through the data readers: each must give rows and rejections, or an error with a code.
 *
 *   node tools/fuzz/data-readers.mjs [files per format, default 10000] [seed, default 1]
 *
 * Needs a build (npm run build). A file that takes over 10 s or ends the process is a failure (exit 3), and so is memory above 4
 * times the largest file and a fixed 512 MiB, which Node, the libraries and the collector's slack take.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { SlmError } from "@slm/core";
import { inspectData } from "../../packages/data/dist/index.js";
import { createRandom, damage } from "../../packages/data/dist/fuzz/corrupt.js";
import { csvOriginal, FUZZED, jsonlOriginal } from "../../packages/data/dist/fuzz/originals.js";

const MAX_MS = 10_000;
const MAX_FILE_FACTOR = 4;
const FLOOR_BYTES = 512 * 2 ** 20;

const fixtures = fileURLToPath(new URL("../../packages/data/fixtures", import.meta.url));
const parquets = readdirSync(fixtures)
  // Front coding is rejected, whatever else is in the file.
  .filter((name) => name.endsWith(".parquet") && name !== "front-coded.parquet")
  .map((name) => readFileSync(join(fixtures, name)));

const originals = {
  jsonl: jsonlOriginal,
  csv: csvOriginal,
  parquet: (random) => parquets[random(parquets.length)],
};

if (isMainThread)
  process.exitCode = await main(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 1));
else await work(workerData);

async function main(files, seed) {
  const directory = mkdtempSync(join(tmpdir(), "slm-fuzz-"));
  let failed = false;
  try {
    for (const format of Object.keys(FUZZED)) {
      const report = await fuzz({ format, files, seed, directory });
      console.log(JSON.stringify(report));
      failed ||= report.failure !== null;
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return failed ? 3 : 0;
}

/** Runs one format in a thread that this one watches: a reader that never returns cannot watch itself. */
function fuzz(task) {
  return new Promise((resolve) => {
    const before = process.memoryUsage.rss();
    const counts = { accepted: 0, partlyRejected: 0, rejected: 0, rows: 0, rejected: 0 };
    const codes = {};
    let slowest = { wallMs: 0, file: 0 };
    let busiest = { processorMs: 0, file: 0 };
    let [largestBytes, done, peakBytes] = [0, 0, before];
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: task });
    const finish = (failure) => {
      clearTimeout(timer);
      void worker.terminate();
      const allowed = FLOOR_BYTES + MAX_FILE_FACTOR * largestBytes;
      const grew = peakBytes > allowed ? `memory ${peakBytes} above ${allowed}` : null;
      const memory = { peakMiB: Math.round(peakBytes / 2 ** 20), allowedMiB: Math.round(allowed / 2 ** 20) };
      resolve({
        format: task.format,
        files: done,
        ...counts,
        codes,
        slowest,
        busiest,
        largestBytes,
        ...memory,
        failure: failure ?? grew,
      });
    };
    let timer = setTimeout(() => {}, 0);
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(
        () => finish(`file ${done} (seed ${task.seed}) takes longer than ${MAX_MS} ms`),
        MAX_MS + 20_000 * (done === 0),
      );
    };
    watch();
    worker.on("message", (outcome) => {
      if (outcome === null) return finish(null);
      done++;
      watch();
      peakBytes = Math.max(peakBytes, outcome.rss);
      largestBytes = Math.max(largestBytes, outcome.bytes);
      if (outcome.wallMs > slowest.wallMs) slowest = { wallMs: Math.round(outcome.wallMs), file: done - 1 };
      if (outcome.processorMs > busiest.processorMs)
        busiest = { processorMs: Math.round(outcome.processorMs), file: done - 1 };
      if (outcome.unexpected !== undefined) return finish(`file ${done - 1}: ${outcome.unexpected}`);
      if (outcome.code !== undefined) {
        counts.rejected++;
        codes[outcome.code] = (codes[outcome.code] ?? 0) + 1;
        return;
      }
      counts[outcome.rejected === 0 ? "accepted" : "partlyRejected"]++;
      counts.rows += outcome.rows;
      counts.rejected += outcome.rejected;
    });
    worker.on("error", (error) => finish(`file ${done}: ${error.stack}`));
    worker.on("exit", (code) => finish(`file ${done}: the thread ended with ${code}`));
  });
}

async function work({ format, files, seed, directory }) {
  const path = join(directory, `case.${format}`);
  for (let file = 0; file < files; file++) {
    const random = createRandom(seed * 1_000_003 + file);
    const bytes = damage(originals[format](random), random);
    writeFileSync(path, bytes);
    const startedAt = performance.now();
    const usage = process.cpuUsage();
    const outcome = await read(path, format);
    const wallMs = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(usage);
    const processorMs = (user + system) / 1000;
    parentPort.postMessage({
      ...outcome,
      wallMs,
      processorMs,
      bytes: bytes.length,
      rss: process.memoryUsage.rss(),
    });
  }
  parentPort.postMessage(null);
}

async function read(path, format) {
  try {
    const { rows, rejected } = await inspectData(path, FUZZED[format]);
    return { rows, rejected: rejected.length };
  } catch (error) {
    return error instanceof SlmError ? { code: error.code } : { unexpected: String(error?.stack ?? error) };
  }
}
