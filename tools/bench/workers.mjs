/**
 * What dividing the work costs: a cache of the same teacher by 1, 2, ... single-threaded workers of this machine.
 * Needs redis-server; everything else is made in a temporary directory. `npm run build` comes first.
 *
 *   node tools/bench/workers.mjs [--workers 1,2] [--rows 30000] [--width 256] [--layers 4]
 *
 * Prints per number of workers: the seconds of the stage, target positions per second, how many times as fast as the first number, the seconds
 * inside a job, what a job cost besides: (workers x seconds - seconds inside jobs) / jobs, and how many times as fast it would be if nothing
 * but the machine slowed jobs down that run side by side: the ratio of seconds inside a job x the number of workers.
 */
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { slm, startQueue } from "../scripts/lib/queue.mjs";

const { values } = parseArgs({
  options: {
    workers: { type: "string", default: "1,2" },
    rows: { type: "string", default: "30000" },
    width: { type: "string", default: "256" },
    layers: { type: "string", default: "4" },
  },
});
const counts = values.workers.split(",").map(Number);
const width = Number(values.width);
const root = await mkdtemp(join(tmpdir(), "slm-bench-workers-"));
const at = (...names) => join(root, ...names);

/** Different words of six letters. */
function words(count) {
  const found = new Set();
  for (let n = 0; found.size < count; n++)
    found.add(
      Array.from(
        { length: 6 },
        (_, place) => "abcdefghij"[Math.floor((n * 7919 + 104729 * (place + 1)) / 10 ** place) % 10],
      ).join(""),
    );
  return [...found];
}

const lines = (list) =>
  list
    .map((source) => `${JSON.stringify({ source, target: [...source.toUpperCase()].join(" ") })}\n`)
    .join("");

/** Rows of a cache of four shards: by it every worker starts its job process before anything is timed. */
const WARM_ROWS = 18_000;

async function writeRecipe(name, rows) {
  await mkdir(at(name));
  const file = (split) => at(name, `${split}.jsonl`);
  await writeFile(file("train"), lines(words(rows)));
  await writeFile(file("dev"), lines(["abcde", "fghij"]));
  await writeFile(file("test"), lines(["jihgf", "edcba"]));
  const model = {
    width,
    heads: width / 64,
    kvHeads: width / 64,
    headDim: 64,
    feedForward: 4 * width,
    decoderLayers: Number(values.layers),
    maxSource: 8,
    maxTarget: 8,
  };
  const training = {
    steps: 1,
    batchSize: 8,
    warmupSteps: 1,
    buckets: 1,
    evaluateEvery: 1,
    evaluateRows: 2,
    metrics: ["per"],
  };
  const recipe = {
    data: { train: file("train"), dev: file("dev"), test: file("test") },
    tokenizer: {},
    teacher: { kind: "train", model, ...training },
    cache: { k: 8 },
  };
  await writeFile(at(name, "recipe.yaml"), JSON.stringify(recipe));
  return slm("teacher", "train", at(name, "recipe.yaml"), "--out", at(name, "run")).parameters;
}

/** Caches with the workers that are there. @returns the stage's report, and what the workers did */
async function cache(name, storage) {
  const run = at("run");
  await cp(at(name, "run"), run, { recursive: true });
  const before = workersDid();
  const where = ["--out", run, "--threads", "1", "--workers", queue.url, "--storage", storage];
  const { tokens, seconds } = slm("teacher", "cache", at(name, "recipe.yaml"), ...where);
  // Workers tell what they did every two seconds.
  await sleep(2500);
  await rm(run, { recursive: true });
  const after = workersDid();
  return { tokens, seconds, busy: after.busy - before.busy, jobs: after.jobs - before.jobs };
}

function workersDid() {
  const status = queue.status();
  return {
    busy: status.reduce((sum, worker) => sum + worker.busySeconds, 0),
    jobs: status.reduce((sum, worker) => sum + worker.done, 0),
  };
}

const queue = await startQueue(root);
try {
  const parameters = await writeRecipe("measured", Number(values.rows));
  await writeRecipe("warm", WARM_ROWS);
  console.log(`teacher of ${parameters} weights, ${values.rows} rows`);
  const rows = [];
  for (const count of counts) {
    const storage = at(`shared-${count}`);
    await mkdir(storage);
    await queue.startWorkers(count, storage);
    await cache("warm", storage);
    const { tokens, seconds, busy, jobs } = await cache("measured", storage);
    await queue.stopWorkers();
    const perJob = busy / jobs;
    const first = rows[0] ?? { workers: count, seconds, perJob };
    rows.push({
      workers: count,
      jobs,
      seconds,
      tokensPerSecond: tokens / seconds,
      perJob,
      besides: (count * seconds - busy) / jobs,
      timesAsFast: first.seconds / seconds,
      bound: (count / first.workers) * (first.perJob / perJob),
    });
  }
  console.table(
    rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value.toPrecision(4))])),
    ),
  );
} finally {
  await queue.stop();
  await rm(root, { recursive: true });
}
