/**
 * What dividing the work costs: a cache of the same teacher by 1, 2, ... single-threaded workers of this machine, and rounds of replicas.
 * Needs redis-server; everything else is made in a temporary directory. `npm run build` comes first.
 *
 *   node tools/bench/workers.mjs [--workers 1,2] [--rows 30000] [--width 256] [--layers 4]
 *
 * Prints per number of workers: the seconds of the stage, target positions per second, how much faster than one worker, the seconds that
 * workers spent inside jobs, and what a job cost besides: (workers x seconds - seconds inside jobs) / jobs.
 */
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

async function writeRecipe() {
  await mkdir(at("rows"));
  const file = (split) => at("rows", `${split}.jsonl`);
  await writeFile(file("train"), lines(words(Number(values.rows))));
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
  await writeFile(at("recipe.yaml"), JSON.stringify(recipe));
}

const queue = await startQueue(root);
try {
  await writeRecipe();
  const { parameters } = slm("teacher", "train", at("recipe.yaml"), "--out", at("base"));
  console.log(`teacher of ${parameters} weights, ${values.rows} rows`);
  const rows = [];
  for (const count of counts) {
    const [run, storage] = [at(`run-${count}`), at(`shared-${count}`)];
    await cp(at("base"), run, { recursive: true });
    await mkdir(storage);
    await queue.startWorkers(count, storage);
    const before = performance.now();
    const { tokens, seconds, shards } = slm(
      "teacher",
      "cache",
      at("recipe.yaml"),
      "--out",
      run,
      "--threads",
      "1",
      "--workers",
      queue.url,
      "--storage",
      storage,
    );
    const wall = (performance.now() - before) / 1000;
    const status = queue.status();
    const busy = status.reduce((sum, worker) => sum + worker.busySeconds, 0);
    const jobs = status.reduce((sum, worker) => sum + worker.done, 0);
    await queue.stopWorkers();
    rows.push({
      workers: count,
      seconds,
      wall,
      tokensPerSecond: tokens / seconds,
      speedup: (rows[0]?.seconds ?? seconds) / seconds,
      busy,
      jobs,
      shards,
      besides: (count * seconds - busy) / jobs,
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
