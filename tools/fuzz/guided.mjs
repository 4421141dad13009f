/**
 * Coverage-guided fuzzing of all code that reads untrusted input. Inputs that reach new code are kept and changed further. Each input must
 * be accepted, or rejected with an error code, within a second of CPU time and 512 MB of objects. Prints a table. Exit code 3 for failures;
 * their inputs are written to a folder.
 *
 *   node tools/fuzz/guided.mjs [--seconds 120] [--executions N] [--targets csv,onnx] [--seed 1] [--keep]
 *
 *   --seconds     total time; each target gets an equal part
 *   --executions  maximum number of runs per target
 *   --seed        seed of the changes; the same seed and executions produce the same inputs
 *   --keep        writes the inputs that reach most code to tools/fuzz/seeds, for the next run
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { buildTargets, keptSeeds, removeBuilt, seedFile } from "./guided/build.mjs";

/** Largest input [bytes]. */
const LONGEST = 2 ** 16;
/** How often a run is checked, and the time after which it counts as endless [ms]. */
const LOOK_MS = 250;
const HANG_MS = 60_000;
/** Number of targets that run at the same time. They often wait for files. */
const JOBS = 2 * availableParallelism();
const HEAP_MB = 512;
/** Limits for the seeds of a target: the last ones found, with a size limit for each and for all. */
const KEPT = { inputs: 64, bytes: 2048, all: 32_768 };
/** A target with planted faults, for the fuzzer's test. */
const PLANTED = "planted";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "120" },
    executions: { type: "string", default: "Infinity" },
    targets: { type: "string" },
    seed: { type: "string", default: "1" },
    keep: { type: "boolean", default: false },
  },
});
const known = (await readdir(join(import.meta.dirname, "guided", "targets")))
  .map((file) => file.replace(/\.mjs$/u, ""))
  .sort();
const names = values.targets?.split(",") ?? known.filter((name) => name !== PLANTED);
const [seconds, executions, seed] = [Number(values.seconds), Number(values.executions), Number(values.seed)];
if (!names.every((name) => known.includes(name)) || !(seconds > 0 && executions > 0 && seed >= 0)) {
  process.stderr.write(
    `usage: node tools/fuzz/guided.mjs [--seconds N] [--executions N] [--seed N] [--keep] [--targets ${known.join(",")}]\n`,
  );
  process.exit(2);
}

/**
 * The reports of a thread, and a row of the table.
 *
 * @typedef {object} Listeners
 * @property {(input: Buffer) => void} onKept
 * @property {(failure: string, input: Buffer) => void} onFailure
 * @property {(progress: { places: number, reached: number }) => void} onProgress
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {number} executions
 * @property {number} failures
 * @property {number} kept
 * @property {number} [reached]
 * @property {number} [places]
 * @property {number} [perSecond]
 */

/** Runs a target until its time is over or one input ends its thread. @returns whether its time is over, and its runs */
function runThread(
  /** @type {{ file: string, words: string[], folder: string, seeds: Buffer[], until: number, left: number, firstSeed: number }} */
  { file, words, folder, seeds, until, left, firstSeed },
  /** @type {Listeners} */ { onKept, onFailure, onProgress },
) {
  const shared = new SharedArrayBuffer(16 + LONGEST);
  const state = new BigInt64Array(shared, 0, 2);
  const inWork = () => Buffer.from(new Uint8Array(shared, 16, Number(state[1])));
  /** @type {Promise<{ isOver: boolean, runs: number }>} */
  const ended = new Promise((resolve) => {
    const worker = new Worker(new URL("guided/worker.mjs", import.meta.url), {
      workerData: { file, words, folder, seeds, seed: firstSeed, executions: left, until, shared },
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    // It counts checks instead of time, because a process may have been stopped for a while.
    let watched = { runs: -1n, looks: 0 };
    const end = (/** @type {boolean} */ isOver) => {
      clearInterval(timer);
      void worker.terminate().then(() => resolve({ isOver, runs: Number(state[0]) }));
    };
    const timer = setInterval(() => {
      const runs = state[0] ?? 0n;
      if (runs !== watched.runs) watched = { runs, looks: 0 };
      watched.looks += 1;
      if (watched.looks * LOOK_MS < HANG_MS) return;
      onFailure(`an endless run (${HANG_MS / 1000} s)`, inWork());
      end(state[0] === 0n);
    }, LOOK_MS);
    worker.on("message", (message) => {
      if (message.kind === "kept") onKept(Buffer.from(message.input));
      if (message.kind === "failure") onFailure(message.failure, Buffer.from(message.input));
      if (message.kind === "progress") onProgress(message);
      if (message.kind === "done") end(true);
    });
    worker.on("error", (error) => {
      onFailure(`the thread ended: ${error.stack ?? error}`, inWork());
      end(state[0] === 0n);
    });
  });
  return ended;
}

/** Identifies a failure: the message without numbers, and its origin. */
const kindOf = (/** @type {string} */ failure) =>
  failure.split("\n").slice(0, 2).join(" ").replaceAll(/\d+/gu, "#").slice(0, 300);

/** Fuzzes a target until its time is over. @returns its row of the table, and the failures */
async function fuzz(
  /** @type {string} */ name,
  /** @type {{ file: string, words: string[] }} */ { file, words },
) {
  const folder = await mkdtemp(join(tmpdir(), "slm-fuzz-"));
  const kept = await keptSeeds(name);
  /** @type {Map<string, { failure: string, input: Buffer }>} */
  const kinds = new Map();
  const row = { name, executions: 0, reached: 0, places: 0, kept: 0, perSecond: 0, failures: 0 };
  const began = performance.now();
  const until = Date.now() + (1000 * seconds * Math.min(JOBS, names.length)) / names.length;
  /** @type {Buffer[]} */
  const found = [];
  for (let thread = 0, isOver = false; !isOver && Date.now() < until; thread += 1) {
    const ended = await runThread(
      {
        file,
        words,
        folder,
        until,
        firstSeed: seed * 1000 + thread,
        seeds: [...kept, ...found],
        left: executions - row.executions,
      },
      {
        onKept: (input) => found.push(input),
        onProgress: ({ places, reached }) =>
          Object.assign(row, { places, reached: Math.max(row.reached, reached) }),
        onFailure: (failure, input) => {
          row.failures += 1;
          const kind = kindOf(failure);
          if (!kinds.has(kind)) kinds.set(kind, { failure, input });
        },
      },
    );
    row.executions += ended.runs;
    isOver = ended.isOver || row.executions >= executions;
  }
  row.perSecond = Math.round((1000 * row.executions) / (performance.now() - began));
  row.kept = found.length;
  await rm(folder, { recursive: true, force: true });
  if (values.keep) await keep(name, found);
  return { row, failed: [...kinds.values()] };
}

const failures = await mkdtemp(join(tmpdir(), "slm-fuzz-failures-"));
/** @type {Row[]} */
const rows = [];
try {
  const built = await buildTargets(names);
  const waiting = [...names];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const target = built.get(name);
      if (target === undefined) continue;
      const { row, failed } = await fuzz(name, target);
      rows.push(row);
      for (const [at, { failure, input }] of failed.entries()) {
        const path = join(failures, `${name}-${at}`);
        await writeFile(path, input);
        const story = failure.split("\n").slice(0, 4).join(" | ");
        console.log(`FAILED ${name}: ${story}\n  input: ${path}`);
      }
    }
  };
  await Promise.all(Array.from({ length: JOBS }, work));
} finally {
  await removeBuilt();
}
rows.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));

/** Writes the seeds for later runs. Inputs found last are chosen first, as long as they fit. */
async function keep(/** @type {string} */ name, /** @type {Buffer[]} */ found) {
  let bytes = 0;
  const chosen = [];
  for (const input of found.toReversed()) {
    if (input.length > KEPT.bytes || bytes + input.length > KEPT.all || chosen.length === KEPT.inputs)
      continue;
    bytes += input.length;
    chosen.unshift(input.toString("base64"));
  }
  await mkdir(join(seedFile(name), ".."), { recursive: true });
  await writeFile(seedFile(name), chosen.map((line) => `${line}\n`).join(""));
}

const sum = (/** @type {"executions" | "kept" | "failures"} */ key) =>
  rows.reduce((total, row) => total + row[key], 0);
/** @type {Row} */
const all = { name: "all", executions: sum("executions"), kept: sum("kept"), failures: sum("failures") };
console.log(`seed ${seed}`);
console.log("| target | executions | a second | places reached | inputs kept | failures |");
console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
for (const { name, executions: runs, perSecond, reached, places, kept, failures: failed } of [...rows, all])
  console.log(
    `| ${name} | ${runs.toLocaleString("en")} | ${perSecond ?? ""} | ${places === undefined ? "" : `${reached} of ${places}`} | ${kept} | ${failed} |`,
  );
if (all.failures > 0) process.exitCode = 3;
else await rm(failures, { recursive: true, force: true });
