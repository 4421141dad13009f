/**
 * What each distillation method is worth beside the plain default, on two tasks: letters to phonemes (the quick start, whose teacher is in
 * the repository) and calls from requests (SNIPS, whose teacher is trained once).
 *
 *   npm run build && node tools/bench/distillation-methods.mjs [flags]
 *
 * Flags: --tasks phonemes,calls  --methods default,agreement,...  --seeds 1,2,3
 *   --steps N        steps of every student (default: 800 phonemes, 1200 calls)
 *   --set PATH=VALUE further settings of every method, such as data.labels=1000 (repeatable)
 *   --rows N         test rows measured, the first ones (default 2000)
 *   --calls FOLDER   train.jsonl and dev.jsonl of the task calls
 *   --threads N      (default 2)
 *   --out DIR        (default runs/distillation-methods)
 *   --report         make the table of the cells that are finished, and run nothing
 *
 * Data, tokenizer, teacher and cache are made once for equal settings. A finished cell is skipped and a killed one is continued, so the
 * command may be repeated or extended. Writes results.json in DIR after every cell; stdout is the table. Differences are in percentage
 * points, better is positive, with 95 % intervals by bootstrap over test rows and seeds (tools/suite/statistics.mjs).
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parse, stringify } from "yaml";
import { slm } from "../suite/cell.mjs";
import { SHARED_STAGES, StagePool, stageName } from "../suite/shared-stages.mjs";
import { gainOver, intervalOf, sampleArms } from "../suite/statistics.mjs";
import { Stopwatch } from "../suite/stopwatch.mjs";
import { UsageError, withWholePaths } from "../suite/tasks.mjs";

const CONFIGS = join(import.meta.dirname, "../../configs");

const TASKS = {
  phonemes: {
    title: "letters to phonemes",
    folder: "quickstart",
    metric: "exactMatch",
    steps: 800,
    // The whole vocabulary is stored, except where a method says otherwise.
    overlay: (recipe) => ({ ...recipe, cache: { k: 64 } }),
  },
  calls: {
    title: "calls from requests (SNIPS)",
    folder: "snips",
    file: "trained-teacher.yaml",
    metric: "jsonExactMatch",
    steps: 1200,
    needsRows: true,
    // The recipe measures on the dev rows; here they choose the checkpoint, and training rows set aside are measured.
    overlay: (recipe) => ({ ...recipe, data: { ...recipe.data, testFraction: 0.08 } }),
  },
};

/** Half of the batches are the student's own at the end, none at the start, when its samples are noise. */
const SAMPLED = { onPolicyFraction: { from: 0, to: 0.5 } };
/** Tokens of the teacher: few, so that the tail holds something. */
const SHORT = { k: 4 };

/** One row per method: what it changes of the recipe's sections, and the method it is compared with besides the default. */
const METHODS = {
  default: { title: "plain default", distill: {} },
  labels: { title: "labels only", distill: { loss: { forwardKl: 0, crossEntropy: 1 } } },
  jsd: { title: "generalized JSD", distill: { loss: { forwardKl: 0, jensenShannon: 0.9 } } },
  top4: { title: "top 4, tail spread", cache: SHORT, distill: {} },
  "on-policy": { title: "on-policy, forward KL", distill: { targets: SAMPLED } },
  "on-policy-gkd": {
    title: "on-policy, generalized JSD",
    distill: { loss: { forwardKl: 0, jensenShannon: 0.9 }, targets: SAMPLED },
    against: "jsd",
  },
  "on-policy-reverse": {
    title: "on-policy, reverse KL",
    distill: { loss: { forwardKl: 0, reverseKl: 0.9 }, targets: SAMPLED },
    against: "on-policy",
  },
};

const FLAGS = {
  tasks: { type: "string", default: Object.keys(TASKS).join(",") },
  methods: { type: "string", default: Object.keys(METHODS).join(",") },
  seeds: { type: "string", default: "1,2,3" },
  steps: { type: "string" },
  set: { type: "string", multiple: true, default: [] },
  rows: { type: "string", default: "2000" },
  calls: { type: "string" },
  threads: { type: "string", default: "2" },
  out: { type: "string", default: "runs/distillation-methods" },
  report: { type: "boolean", default: false },
};

const flags = parseArgs({ options: FLAGS }).values;
const out = resolve(flags.out);

function namesIn(list, table, what) {
  const names = list.split(",");
  const unknown = names.find((name) => !Object.hasOwn(table, name));
  if (unknown !== undefined)
    throw new UsageError(`unknown ${what} ${unknown}; known: ${Object.keys(table).join(", ")}`);
  return names;
}

/** The recipe of a task with a method's settings over it, without the stages after training. */
async function recipeOf(task, method) {
  const { folder, file = "recipe.yaml", overlay, steps, needsRows = false } = TASKS[task];
  const path = join(CONFIGS, folder);
  const text = await readFile(join(path, file), "utf8");
  const whole = overlay(withWholePaths(parse(text), path));
  const { schemaVersion, seed, data, tokenizer, teacher, cache, distill } = whole;
  if (needsRows && flags.calls === undefined)
    throw new UsageError(`${task}: its rows are given with --${task} FOLDER`);
  const rows = needsRows
    ? { train: resolve(flags.calls, "train.jsonl"), dev: resolve(flags.calls, "dev.jsonl") }
    : {};
  const { cache: ofMethod, distill: changes } = METHODS[method];
  const { loss = {}, ...rest } = changes;
  return {
    ...{ schemaVersion, seed, tokenizer, teacher },
    data: { ...data, ...rows },
    cache: { ...cache, ...ofMethod },
    distill: {
      ...{ ...distill, ...rest },
      ...(Object.keys(loss).length === 0 ? {} : { loss: { ...distill.loss, ...loss } }),
      steps: Number(flags.steps ?? steps),
    },
  };
}

const readJson = (path) =>
  readFile(path, "utf8").then(JSON.parse, (error) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });

async function writeWhole(path, value) {
  await writeFile(`${path}.partial`, `${JSON.stringify(value, undefined, 2)}\n`);
  await rename(`${path}.partial`, path);
}

const cells = [];
for (const seed of flags.seeds.split(",").map(Number))
  for (const task of namesIn(flags.tasks, TASKS, "task"))
    for (const method of namesIn(flags.methods, METHODS, "method")) {
      const recipe = await recipeOf(task, method);
      const decides = JSON.stringify([recipe, flags.set, seed, flags.rows]);
      const key = createHash("sha256").update(decides).digest("hex");
      // Folders are named by their settings too, so that a cell of other settings is not continued.
      cells.push({
        task,
        method,
        seed,
        recipe,
        key,
        folder: join(out, `${task}.${method}.${seed}.${key.slice(0, 8)}`),
      });
    }

const pool = new StagePool(join(out, "shared"));

async function runCell({ task, method, seed, recipe, key, folder }) {
  await mkdir(folder, { recursive: true });
  const file = join(folder, "recipe.yaml");
  await writeFile(file, stringify(recipe));
  const sets = [...flags.set, `distill.seed=${seed}`].flatMap((set) => ["--set", set]);
  const command = ["run", file, "--out", folder, "--threads", flags.threads, ...sets];
  const watch = await Stopwatch.open(join(folder, "seconds.json"));
  for (const stage of SHARED_STAGES) {
    // Settings given for every method may belong to any stage.
    const shared = stageName(task, stage, { ...recipe, seed: [recipe.seed, flags.set] });
    const lent = await pool.lend(shared, stage, folder);
    await (lent === undefined
      ? watch.time(stage, () => slm([...command, "--only", stage]))
      : watch.set(stage, lent));
    if (lent === undefined) await pool.keep(shared, stage, folder, watch.secondsOf(stage));
  }
  await watch.time("distill", () => slm([...command, "--only", "distill"]));
  const measured = await slm([
    ...["eval", join(folder, "distill"), "--data", join(folder, "data", "test.jsonl")],
    ...["--metrics", TASKS[task].metric, "--limit", flags.rows, "--threads", flags.threads],
    ...["-o", join(folder, "predictions.jsonl")],
  ]);
  const { details } = await readJson(join(folder, "distill", "manifest.json"));
  const result = {
    ...{ key, task, method, seed, settings: recipe.distill, set: flags.set },
    ...{ n: measured.n, value: measured.metrics[TASKS[task].metric], dev: details.metrics },
    ...{ steps: details.steps, bestStep: details.bestStep, minutes: watch.secondsOf("distill") / 60 },
  };
  await writeWhole(join(folder, "cell.json"), result);
  return result;
}

async function predictionsOf({ folder }) {
  const text = await readFile(join(folder, "predictions.jsonl"), "utf8");
  return text.trimEnd().split("\n").map(JSON.parse);
}

const mean = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;

/** Every method of a task that is finished, with its differences from the default and from the method it belongs to. */
async function figuresOf(task, finished) {
  const here = finished.filter(({ cell }) => cell.task === task);
  const methods = Object.keys(METHODS).filter((method) => here.some(({ cell }) => cell.method === method));
  const predictions = {};
  for (const method of methods) {
    const ofMethod = here.filter(({ cell }) => cell.method === method);
    predictions[method] = await Promise.all(ofMethod.map(({ cell }) => predictionsOf(cell)));
  }
  if (methods.length === 0) return [];
  const sampled = sampleArms(TASKS[task].metric, predictions, 1);
  const difference = (method, base) => {
    if (base === undefined || base === method || !methods.includes(base)) return null;
    const { value, samples } = gainOver(sampled, method, base);
    return intervalOf(value, samples);
  };
  return methods.map((method) => {
    const ofMethod = here.filter(({ cell }) => cell.method === method).map(({ result }) => result);
    const { value, samples } = sampled.arms[method];
    return {
      ...{ task, method, seeds: ofMethod.map(({ seed }) => seed), ...intervalOf(value, samples) },
      overDefault: difference(method, "default"),
      against: METHODS[method].against ?? null,
      overAgainst: difference(method, METHODS[method].against),
      minutes: mean(ofMethod.map(({ minutes }) => minutes)),
    };
  });
}

const shown = (figure) =>
  figure === null ? "" : `${figure.value.toFixed(2)} (${figure.low.toFixed(2)} to ${figure.high.toFixed(2)})`;

function tableOf(figures) {
  const lines = [
    "| task | method | seeds | points | over the default | over | minutes |",
    "| --- | --- | ---: | ---: | ---: | --- | ---: |",
  ];
  for (const one of figures) {
    const over = one.overAgainst === null ? "" : `${one.against}: ${shown(one.overAgainst)}`;
    lines.push(
      `| ${TASKS[one.task].title} | ${METHODS[one.method].title} | ${one.seeds.length} | ${shown(one)} | ` +
        `${shown(one.overDefault)} | ${over} | ${one.minutes.toFixed(1)} |`,
    );
  }
  return lines.join("\n");
}

await mkdir(out, { recursive: true });
const { version } = JSON.parse(await readFile(join(import.meta.dirname, "../../package.json"), "utf8"));
const finished = [];
for (const cell of cells) {
  const held = await readJson(join(cell.folder, "cell.json"));
  if (held?.key === cell.key) finished.push({ cell, result: held });
}

async function report() {
  const figures = [];
  for (const task of Object.keys(TASKS)) figures.push(...(await figuresOf(task, finished)));
  const results = finished.map(({ result }) => result);
  const machine = { slm: version, node: process.version, threads: Number(flags.threads) };
  await writeWhole(join(out, "results.json"), { schemaVersion: 1, ...machine, figures, cells: results });
  return figures;
}

if (!flags.report)
  for (const cell of cells) {
    if (finished.some((one) => one.cell === cell)) continue;
    process.stderr.write(`${cell.task} ${cell.method} seed ${cell.seed}\n`);
    finished.push({ cell, result: await runCell(cell) });
    await report();
  }
console.log(
  `slm ${version}, Node ${process.version}, ${flags.threads} threads\n\n${tableOf(await report())}`,
);
