/**
 * Replicas on workers against one machine, for the same tokens: the student of the quick start, learning CMUdict from labels, by one machine and
 * by replicas that average their weights once a round. Needs redis-server; everything else is made in a temporary directory.
 *
 *   node tools/bench/replicas.mjs [--steps 1600] [--batch 64] [--replicas 2] [--inner 200] [--outer 0.7:0.9,1:0] [--warmup 0,400]
 *     [--rows 20000] [--synchronous]
 *
 * Arms: one machine with so many steps; with --synchronous, one machine with batches of all replicas together, as an exchange of gradients at
 * every step would have; and, per outer setting (learning rate : momentum) and number of warm-up steps, replicas: one machine takes the warm-up,
 * each replica its part of the other steps. Prints the loss on all dev rows [nats per token], how far it is from that of one machine, the bytes
 * that the machines exchanged, and how many times as many gradients would be.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { slm, startQueue } from "../scripts/lib/queue.mjs";

const { values } = parseArgs({
  options: {
    recipe: { type: "string", default: "configs/quickstart/recipe.yaml" },
    steps: { type: "string", default: "1600" },
    batch: { type: "string", default: "64" },
    replicas: { type: "string", default: "2" },
    inner: { type: "string", default: "200" },
    outer: { type: "string", default: "0.7:0.9,1:0" },
    warmup: { type: "string", default: "0" },
    rows: { type: "string" },
    synchronous: { type: "boolean", default: false },
  },
});
const [steps, batch, count, inner] = ["steps", "batch", "replicas", "inner"].map((name) =>
  Number(values[name]),
);
const root = await mkdtemp(join(tmpdir(), "slm-bench-replicas-"));
const at = (...names) => join(root, ...names);

/** The recipe's data, tokenizer and student, from labels alone. */
async function writeRecipe() {
  const { seed, data, tokenizer, distill } = parse(await readFile(values.recipe, "utf8"));
  const { module } = data.source;
  const source = { module: resolve(dirname(values.recipe), module) };
  const limit = values.rows === undefined ? {} : { limit: Number(values.rows) };
  const loss = { forwardKl: 0, crossEntropy: 1 };
  const run = { steps, batchSize: batch, evaluateEvery: steps, emaDecay: 0, loss };
  const recipe = {
    schemaVersion: 2,
    seed,
    data: { ...data, source, ...limit },
    tokenizer,
    distill: { ...distill, ...run },
  };
  await writeFile(at("recipe.yaml"), JSON.stringify(recipe));
}

const set = (settings) =>
  Object.entries(settings).flatMap(([key, value]) => ["--set", `distill.${key}=${value}`]);

/** Trains an arm. @returns its loss on the dev rows, and what was exchanged */
async function train(name, settings, ...more) {
  const run = at(name);
  await cp(at("base"), run, { recursive: true });
  const { parameters, rounds } = slm(
    "distill",
    at("recipe.yaml"),
    "--out",
    run,
    "--threads",
    "1",
    ...set(settings),
    ...more,
  );
  const dev = join(run, "data", "dev.jsonl");
  const { likelihood, metrics } = slm(
    "eval",
    join(run, "distill"),
    "--data",
    dev,
    "--metrics",
    "perplexity,per",
    "-o",
    at(`${name}.jsonl`),
  );
  await rm(run, { recursive: true });
  return { arm: name, loss: likelihood.nllNatsPerToken, per: metrics.per, parameters, ...rounds };
}

await mkdir(at("shared"));
const queue = await startQueue(root);
try {
  await writeRecipe();
  slm("tokenizer", "train", at("recipe.yaml"), "--out", at("base"));
  const results = [await train("one machine", {})];
  const report = (result) => console.log(JSON.stringify(result));
  report(results[0]);
  if (values.synchronous) {
    results.push(
      await train(`batches of ${count * batch}`, {
        batchSize: count * batch,
        steps: steps / count,
        evaluateEvery: steps / count,
      }),
    );
    report(results.at(-1));
  }
  await queue.startWorkers(count, at("shared"));
  const warmups = values.warmup.split(",").map(Number);
  for (const [outer, warmup] of values.outer
    .split(",")
    .flatMap((one) => warmups.map((steps) => [one, steps]))) {
    const [outerLearningRate, outerMomentum] = outer.split(":");
    const own = warmup + (steps - warmup) / count;
    const settings = {
      steps: own,
      evaluateEvery: own,
      "replicas.warmupSteps": warmup,
      "replicas.count": count,
      "replicas.innerSteps": inner,
      "replicas.outerLearningRate": outerLearningRate,
      "replicas.outerMomentum": outerMomentum,
    };
    results.push(
      await train(
        `replicas ${outer}, warm-up ${warmup}`,
        settings,
        "--workers",
        queue.url,
        "--storage",
        at("shared"),
      ),
    );
    report(results.at(-1));
  }
  console.table(
    results.map(({ arm, loss, per, rounds = 0, trafficBytes = 0, gradientTrafficBytes = 0 }) => ({
      arm,
      loss: Number(loss.toFixed(4)),
      "from one machine [%]": Number((100 * (loss / results[0].loss - 1)).toFixed(2)),
      "per [%]": Number((100 * per).toFixed(2)),
      rounds,
      "exchanged [MB]": Number((trafficBytes / 1e6).toFixed(1)),
      "gradients, times": trafficBytes === 0 ? 0 : Number((gradientTrafficBytes / trafficBytes).toFixed(1)),
    })),
  );
  await queue.stopWorkers();
} finally {
  await queue.stop();
  await rm(root, { recursive: true });
}
