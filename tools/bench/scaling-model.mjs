/**
 * The model of docs/scaling.md: time, traffic and storage of caches, by the size of the teacher, the tokens and the number of
 * workers. Prints the tables of that page as Markdown and draws its chart.
 *
 *   node tools/bench/scaling-model.mjs [--chart docs/scaling.svg]
 */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { lineChart } from "../../packages/report/dist/index.js";

const { values } = parseArgs({ options: { chart: { type: "string" } } });

/** A worker. docs/scaling.md says where the numbers are from. */
const WORKER = {
  /** Floating-point operations per second of a single-threaded one in a teacher's forward pass: measured. */
  flops: 83e9,
  /** Bytes per second between a worker and the storage: a link of 1 Gbit/s. */
  bytesPerSecond: 125e6,
};
/** Bytes per second that the storage serves to all: a link of 10 Gbit/s. */
const STORAGE_BYTES_PER_SECOND = 1.25e9;
/** Target positions of a job. */
const JOB_TOKENS = 32_768;
/** Positions that are read per target position: a source of the same length. */
const READ_PER_TARGET = 2;
/** Bytes of a position in a task (its token ids, the source's too) and in the cache at k = 50. */
const TASK_BYTES = 4 * READ_PER_TARGET;
const CACHE_BYTES = 115;
/** Bytes of a stored weight. */
const WEIGHT_BYTES = 2;
/** Seconds of a job besides its computation, and of a run besides its jobs: measured. */
const JOB_SECONDS = 0.1;
const RUN_SECONDS = 3;
/** Seconds in which the run itself makes the task of a target position and takes its part of a shard: measured. */
const TAKE_SECONDS = 9e-6;

/** A cache of so many target tokens by so many workers. */
function cache(parameters, tokens, workers) {
  const jobs = Math.ceil(tokens / JOB_TOKENS);
  const compute = (2 * parameters * READ_PER_TARGET * JOB_TOKENS) / WORKER.flops;
  const perJob = compute + JOB_SECONDS + ((TASK_BYTES + CACHE_BYTES) * JOB_TOKENS) / WORKER.bytesPerSecond;
  const busy = Math.min(workers, jobs);
  const copies =
    (WEIGHT_BYTES * parameters) / Math.min(WORKER.bytesPerSecond, STORAGE_BYTES_PER_SECOND / busy);
  const byWorkers = Math.ceil(jobs / busy) * perJob + copies;
  const byRun = tokens * TAKE_SECONDS;
  return {
    seconds: RUN_SECONDS + Math.max(byWorkers, byRun),
    isFedTooSlowly: byRun > byWorkers,
    traffic: (TASK_BYTES + CACHE_BYTES) * tokens * 2 + WEIGHT_BYTES * parameters * busy,
    storage: CACHE_BYTES * tokens,
  };
}

const SIZES = { "135M": 135e6, "1B": 1e9, "8B": 8e9 };
const TOKENS = { "10M": 10e6, "1B": 1e9, "100B": 100e9 };
const WORKERS = [1, 10, 100, 1000];

const time = (seconds) =>
  seconds < 120
    ? `${seconds.toPrecision(2)} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : seconds < 2 * 86400
        ? `${(seconds / 3600).toPrecision(2)} h`
        : seconds < 800 * 86400
          ? `${Math.round(seconds / 86400)} d`
          : `${Math.round(seconds / 31557600)} y`;
const size = (bytes) => {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** unit).toPrecision(3)} ${units[unit]}`;
};

console.log(
  `| teacher | tokens | ${WORKERS.map((n) => (n === 1 ? "1 worker" : `${n} workers`)).join(" | ")} | cache | traffic of 100 |`,
);
console.log(`| --- | --- | ${WORKERS.map(() => "--- |").join(" ")} --- | --- |`);
for (const [name, parameters] of Object.entries(SIZES))
  for (const [amount, tokens] of Object.entries(TOKENS)) {
    const times = WORKERS.map((workers) => {
      const { seconds, isFedTooSlowly } = cache(parameters, tokens, workers);
      return `${time(seconds)}${isFedTooSlowly ? " *" : ""}`;
    });
    const { storage, traffic } = cache(parameters, tokens, 100);
    console.log(`| ${name} | ${amount} | ${times.join(" | ")} | ${size(storage)} | ${size(traffic)} |`);
  }

if (values.chart !== undefined) {
  const xs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
  const drawn = [
    ["135M", "10M"],
    ["135M", "1B"],
    ["1B", "1B"],
    ["8B", "1B"],
  ];
  const series = drawn.map(([teacher, tokens]) => ({
    name: `${teacher}, ${tokens} positions`,
    points: xs.map((workers) => [workers, cache(SIZES[teacher], TOKENS[tokens], workers).seconds / 3600]),
  }));
  const svg = await lineChart({
    title: "Hours of a cache, by workers",
    xLabel: "workers",
    yLabel: "hours",
    logX: true,
    logY: true,
    series,
  });
  await writeFile(values.chart, svg);
}
