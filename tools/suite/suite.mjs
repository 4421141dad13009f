/**
 * What teachers are worth: every task with every arm, number of labels and seed, one cell after another, and the table of them all.
 *
 *   npm run build && npm run suite -- --data snips=DIR --data translation=DIR [flags]
 *
 * Flags: --tasks dates,synopsis  --arms labels,full  --labels 100,1000,all  --seeds 1,2,3
 *   --steps N            steps of every student (default: the recipe's)
 *   --teacher-steps N    steps of every teacher (default: the recipe's)
 *   --test-rows N        test rows measured, the first ones (default 1000)
 *   --bench-runs N       answers timed for each cell (default 20)
 *   --threads N          of every command (default: as slm chooses, all cores but one thread for a small graph)
 *   --data TASK=FOLDER   train.jsonl and dev.jsonl of a task whose rows you have
 *   --set [TASK:]path=value  a setting of the recipes of all tasks, or of one, such as dates:data.limit=5000; may be repeated
 *   --out DIR            (default runs/suite)
 *   --keep               keep the models of finished cells
 *   --dry-run            say which cells would run, and write nothing
 *   --report             make the tables of the cells that are finished, and run nothing
 *
 * An arm that would be the same as labels or full, because a task's student has no teacher's weights or distributions, is left out. Where
 * full is the same as labels, as with all labels and a teacher that only labels, one run is both.
 * Finished cells are skipped and a killed one is continued, so the command may be repeated, and extended by further tasks, arms, labels
 * or seeds. Data, tokenizers, teachers and caches are made once for equal settings. A seed decides the student's initial weights, the
 * order of its batches and its dropout; which rows have labels is decided by the recipe's seed, for all.
 *
 * Writes results.json (every cell), table.md and learning-curves.html in DIR after every cell; stdout is the table.
 */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { ALL_LABELS, ARM_NAMES, ARMS, isDistinct } from "./arms.mjs";
import {
  cellName,
  copyCell,
  finishedCell,
  planCell,
  readPredictions,
  runCell,
  slm,
  twinOf,
} from "./cell.mjs";
import { timeLeft } from "./progress.mjs";
import { suiteMarkdown, suitePage } from "./report.mjs";
import { StagePool } from "./shared-stages.mjs";
import { summarize } from "./summary.mjs";
import { TASK_NAMES, TASKS, taskRecipe, UsageError } from "./tasks.mjs";

const FLAGS = {
  tasks: { type: "string", default: TASK_NAMES.join(",") },
  arms: { type: "string", default: ARM_NAMES.join(",") },
  labels: { type: "string", default: `100,1000,${ALL_LABELS}` },
  seeds: { type: "string", default: "1,2,3" },
  steps: { type: "string" },
  "teacher-steps": { type: "string" },
  "test-rows": { type: "string", default: "1000" },
  "bench-runs": { type: "string", default: "20" },
  threads: { type: "string" },
  data: { type: "string", multiple: true, default: [] },
  set: { type: "string", multiple: true, default: [] },
  out: { type: "string", default: "runs/suite" },
  keep: { type: "boolean", default: false },
  "dry-run": { type: "boolean", default: false },
  report: { type: "boolean", default: false },
};

function readFlags() {
  try {
    return parseArgs({ options: FLAGS }).values;
  } catch (error) {
    throw new UsageError(`${error.message}; flags: ${Object.keys(FLAGS).join(", ")}`);
  }
}

function namesIn(list, known, what) {
  const names = list.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`unknown ${what} ${unknown}; known: ${known.join(", ")}`);
  return names;
}

function number(text, what) {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`${what}: expected a whole number above 0, got ${text}`);
  return value;
}

const optional = (text, what) => (text === undefined ? undefined : number(text, what));

/** `[TASK:]path=value`; the value is YAML. */
function parseSetting(given) {
  const { task, path, value } =
    /^(?:(?<task>[\w-]+):)?(?<path>[\w.]+)=(?<value>.*)$/su.exec(given)?.groups ?? {};
  if (path === undefined || (task !== undefined && !TASK_NAMES.includes(task)))
    throw new UsageError(`--set ${given}: expected path=value or TASK:path=value`);
  return { task, path: path.split("."), value: parse(value) };
}

/** The recipe with one setting changed. */
function withSetting(section, [key, ...rest], value) {
  return { ...section, [key]: rest.length === 0 ? value : withSetting(section[key] ?? {}, rest, value) };
}

/** Every cell, seeds outermost, so that a whole table is there after the first. */
function plan(flags, settings) {
  const folders = Object.fromEntries(
    flags.data.map((given) => {
      const [task, folder = ""] = given.split("=", 2);
      if (!TASK_NAMES.includes(task) || folder === "")
        throw new UsageError(`--data ${given}: expected TASK=FOLDER`);
      return [task, resolve(folder)];
    }),
  );
  const isDry = flags["dry-run"];
  const tasks = namesIn(flags.tasks, TASK_NAMES, "task");
  const sets = flags.set.map(parseSetting);
  const recipes = new Map(
    tasks.map((task) => {
      const own = sets.filter((one) => one.task === undefined || one.task === task);
      const recipe = taskRecipe(task, { data: folders[task], isDry });
      return [task, own.reduce((changed, { path, value }) => withSetting(changed, path, value), recipe)];
    }),
  );
  const arms = namesIn(flags.arms, ARM_NAMES, "arm");
  const labels = flags.labels
    .split(",")
    .map((text) => (text === ALL_LABELS ? ALL_LABELS : number(text, "--labels")));
  const cells = [];
  for (const text of flags.seeds.split(","))
    for (const task of tasks)
      for (const count of labels)
        for (const arm of arms) {
          const { needsUnlabelled = false, isTeacher = false } = ARMS[arm];
          if (needsUnlabelled && count === ALL_LABELS) continue;
          if (!isDistinct(arm, recipes.get(task), { ...settings, ...TASKS[task], labels: count })) continue;
          const cell = { task, arm, labels: count, seed: number(text, "--seeds") };
          // A teacher does not depend on the student's seed.
          if (
            isTeacher &&
            cells.some(({ cell: one }) => one.task === task && one.arm === arm && one.labels === count)
          )
            continue;
          cells.push(planCell(cell, recipes.get(task), settings));
        }
  return cells;
}

async function machineOf(threads) {
  const { node, cores, memoryBytes, int8 } = await slm(["doctor"]);
  const { version } = (await import("../../package.json", { with: { type: "json" } })).default;
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores,
    memoryBytes,
    node,
    slm: version,
    threads,
    int8: int8 === null ? "int8 arithmetic unknown" : int8.meaning,
  };
}

async function writeWhole(path, text) {
  await writeFile(`${path}.partial`, text);
  await rename(`${path}.partial`, path);
}

/** Writes the three files and returns the table. */
async function writeReport(out, { machine, command, results }) {
  const summary = await summarize(results, (cell) => readPredictions(cell, out));
  const report = { machine, command, summary };
  const table = suiteMarkdown(report);
  await writeWhole(
    join(out, "results.json"),
    JSON.stringify({ schemaVersion: 1, ...report, cells: results }, undefined, 2),
  );
  await writeWhole(join(out, "table.md"), table);
  await writeWhole(join(out, "learning-curves.html"), await suitePage(report));
  return table;
}

async function main() {
  const flags = readFlags();
  const settings = {
    steps: optional(flags.steps, "--steps"),
    teacherSteps: optional(flags["teacher-steps"], "--teacher-steps"),
    testRows: number(flags["test-rows"], "--test-rows"),
    benchRuns: number(flags["bench-runs"], "--bench-runs"),
    threads: optional(flags.threads, "--threads"),
    keep: flags.keep,
  };
  const out = resolve(flags.out);
  const cells = plan(flags, settings);
  const finished = new Map();
  for (const planned of cells) {
    const result = await finishedCell(planned, out);
    if (result !== undefined) finished.set(planned, result);
  }
  if (flags["dry-run"]) {
    for (const planned of cells)
      console.log(`${finished.has(planned) ? "finished " : "would run"}  ${cellName(planned.cell)}`);
    console.log(
      `${cells.length} cells, ${cells.length - finished.size} to run, ${availableParallelism()} cores`,
    );
    return;
  }
  await mkdir(out, { recursive: true });
  const machine = await machineOf(settings.threads);
  const command = `npm run suite -- ${process.argv.slice(2).join(" ")}`;
  const results = () => cells.flatMap((planned) => finished.get(planned) ?? []);
  const pool = new StagePool(join(out, "shared"));
  const left = cells.filter((planned) => !finished.has(planned));
  const durations = [];
  for (const [place, planned] of (flags.report ? [] : left).entries()) {
    const { cell, recipe } = planned;
    const remaining = timeLeft(
      durations,
      left.slice(place).map((one) => one.cell),
    );
    process.stderr.write(`[${place + 1}/${left.length}] ${cellName(cell)}  ${remaining}\n`);
    const start = performance.now();
    const metrics = metricsOf(cell.task, recipe);
    const twin = twinOf(planned, [...finished.keys()]);
    finished.set(
      planned,
      twin === undefined
        ? await runCell(planned, { out, pool, metrics, settings })
        : await copyCell(planned, twin, out),
    );
    durations.push({ cell, seconds: (performance.now() - start) / 1000 });
    await writeReport(out, { machine, command, results: results() });
  }
  if (results().length === 0) throw new UsageError("--report: no cell is finished");
  console.log(await writeReport(out, { machine, command, results: results() }));
}

/** The task's metric first, then the others of its recipe. */
function metricsOf(task, { distill }) {
  const { metric } = TASKS[task];
  return [metric, ...distill.metrics.filter((name) => name !== metric)];
}

try {
  await main();
} catch (error) {
  process.stderr.write(`suite: ${error.message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
