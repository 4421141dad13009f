/**
 * Runs one target in a separate thread: takes an input that reached new code, changes it, runs it, and keeps it if it also reaches new
 * code. The main thread detects a crash or an endless run by the shared memory.
 */
import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { randomNumbers } from "../../lib/random-numbers.mjs";
import { Coverage } from "./coverage.mjs";
import { changed } from "./mutations.mjs";

/**
 * A module of `targets`: its seeds, and a function that reads an input.
 *
 * @typedef {object} Target
 * @property {(folder: string) => ((bytes: Uint8Array) => unknown) | Promise<(bytes: Uint8Array) => unknown>} open
 * @property {() => Iterable<Uint8Array | string> | Promise<Iterable<Uint8Array | string>>} seeds
 * @property {number} [longest]
 * @property {number} [limitMs]
 */

if (parentPort === null) throw new Error("worker.mjs is a thread of guided.mjs");
const port = parentPort;
/** @type {{ file: string, words: string[], folder: string, seeds: Uint8Array[], seed: number, executions: number, until: number, shared: SharedArrayBuffer }} */
const { file, words: texts, folder, seeds, seed, executions, until, shared } = workerData;
/** Number of runs since the start, and length of the current input. */
const state = new BigInt64Array(shared, 0, 2);
const place = new Uint8Array(shared, 16);

/** @type {Target} */
const target = await import(file);
const run = await target.open(folder);
const words = texts.map((text) => Buffer.from(text));
const longest = Math.min(target.longest ?? 2 ** 14, place.length);
const limitMs = target.limitMs ?? 1000;
const random = randomNumbers(seed);
const below = (/** @type {number} */ limit) => Math.floor(random() * limit);
const coverage = new Coverage();

/** Whether the error is expected: an SlmError with a code. By name, because a target is bundled with a class of its own. */
const isAnswer = (/** @type {unknown} */ error) =>
  error instanceof Error && error.name === "SlmError" && "code" in error && error.code !== "UNEXPECTED";

/** @type {Buffer[]} */
const corpus = [];
let count = 0;
let reported = Date.now();

/** CPU time of this thread [ms], or wall-clock time if the system does not report it. Source: Linux, Documentation/scheduler/sched-stats. */
const cpuMs =
  process.platform === "linux"
    ? () => Number(readFileSync("/proc/thread-self/schedstat", "latin1").split(" ")[0]) / 1e6
    : () => performance.now();

async function tryInput(/** @type {Buffer} */ input) {
  place.set(input);
  state[1] = BigInt(input.length);
  state[0] = (state[0] ?? 0n) + 1n;
  count += 1;
  coverage.begin();
  const began = cpuMs();
  let failure;
  try {
    await run(input);
  } catch (error) {
    if (!isAnswer(error)) failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  if (cpuMs() - began > limitMs) failure ??= `more than ${limitMs} ms`;
  const isNew = coverage.end();
  if (failure !== undefined) port.postMessage({ kind: "failure", failure, input: Buffer.from(input) });
  if (isNew) {
    const kept = Buffer.from(input);
    corpus.push(kept);
    port.postMessage({ kind: "kept", input: kept });
  }
  if (Date.now() - reported > 500) report();
}

function report() {
  reported = Date.now();
  port.postMessage({ kind: "progress", count, places: coverage.size, reached: coverage.reached });
}

const isOver = () => count >= executions || Date.now() >= until;
for (const input of [...seeds, ...(await target.seeds())]) {
  if (isOver()) break;
  await tryInput(Buffer.from(input).subarray(0, longest));
}
if (corpus.length === 0) corpus.push(Buffer.from("0"));
/** Prefer later inputs, which reached more code. */
const chosen = () => corpus[Math.max(below(corpus.length), below(corpus.length))] ?? Buffer.alloc(0);
while (!isOver()) {
  await tryInput(changed(chosen(), { below, words, other: chosen(), longest }));
  // Lets messages be sent and timers of the tested code run.
  if (count % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
}
report();
port.postMessage({ kind: "done" });
