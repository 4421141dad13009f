/** One cell of the suite: a task, an arm, a number of labels and a seed; run through the command line, measured on the test rows. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";
import { ARMS, cellRecipe } from "./arms.mjs";
import { SHARED_STAGES, stageName } from "./shared-stages.mjs";
import { Stopwatch } from "./stopwatch.mjs";
import { TASKS } from "./tasks.mjs";

const CLI = join(import.meta.dirname, "../../apps/cli/bin/run.js");

/** Stages that only a student has, in order. */
const STUDENT_STAGES = ["distill", "export", "quantize", "bench"];

/** What is kept of a finished cell, beside its result: the sources, predictions and references of the test rows. */
const PREDICTIONS = "predictions.jsonl";
const RESULT = "cell.json";

export const cellName = ({ task, arm, labels, seed }) => `${task}.${arm}.${labels}.${seed}`;

/** Runs `slm` with JSON output; its progress goes to stderr as it is. @throws Error with its message where it failed */
export async function slm(args) {
  const { stdout, exitCode } = await execa(process.execPath, [CLI, ...args, "--json"], {
    stderr: "inherit",
    maxBuffer: 2 ** 28,
    reject: false,
  });
  const { result, error } = stdout === "" ? {} : JSON.parse(stdout);
  if (exitCode === 0 && result !== undefined) return result;
  throw new Error(`slm ${args.join(" ")}: exit ${exitCode}: ${error?.code ?? ""} ${error?.message ?? ""}`);
}

/** A cell with its recipe and the key of all that decides its result. */
export function planCell(cell, recipe, settings) {
  const { answerTokens } = TASKS[cell.task];
  const settled = cellRecipe(recipe, cell.arm, { ...settings, answerTokens, labels: cell.labels });
  const key = createHash("sha256")
    .update(JSON.stringify([cell, settled, settings.testRows]))
    .digest("hex");
  return { cell, recipe: settled, key };
}

/** The result of a cell that was finished with the same settings; undefined otherwise. */
export async function finishedCell({ cell, key }, out) {
  const file = join(out, "cells", cellName(cell), RESULT);
  if (!existsSync(file)) return undefined;
  const result = JSON.parse(await readFile(file, "utf8"));
  return result.key === key ? result : undefined;
}

/** Predictions of a finished cell, in the order of the test rows. */
export async function readPredictions(cell, out) {
  const text = await readFile(join(out, "cells", cellName(cell), PREDICTIONS), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** Runs a cell, or goes on with it. Writes and returns its result. */
export async function runCell({ cell, recipe, key }, { out, pool, metrics, settings }) {
  const name = cellName(cell);
  const folder = join(out, "cells", name);
  await claimFolder(folder, key);
  await mkdir(join(out, "recipes"), { recursive: true });
  const file = join(out, "recipes", `${name}.yaml`);
  await writeFile(file, stringify(recipe));
  const watch = await Stopwatch.open(join(folder, "seconds.json"));
  const flags = [...threadFlags(settings), "--set", `distill.seed=${cell.seed}`];
  const command = ["run", file, "--out", folder, ...flags];

  for (const stage of SHARED_STAGES.filter((one) => recipe[one] !== undefined)) {
    if (ARMS[cell.arm].isTeacher && stage === "cache") continue;
    const shared = stageName(cell.task, stage, recipe);
    const lent = await pool.lend(shared, stage, folder);
    if (lent === undefined) await watch.time(stage, () => slm([...command, "--only", stage]));
    else await watch.set(stage, lent);
    if (lent === undefined) await pool.keep(shared, stage, folder, watch.secondsOf(stage));
  }
  const measure = ARMS[cell.arm].isTeacher ? measureTeacher : measureStudent;
  const measured = await measure({ cell, folder, command, watch, metrics, settings });
  const result = {
    key,
    ...cell,
    ...measured,
    trainRows: (await detailsOf(folder, "data")).splits.train,
    seconds: Object.fromEntries(
      [...SHARED_STAGES, ...STUDENT_STAGES].map((stage) => [stage, watch.secondsOf(stage)]),
    ),
    command: ["slm", ...command].join(" "),
  };
  await writeResult(folder, result);
  if (!settings.keep)
    for (const stage of [...SHARED_STAGES, ...STUDENT_STAGES])
      await rm(join(folder, stage), { recursive: true, force: true });
  return result;
}

/** The one of `cells` that is the same run under another arm's name. */
export const twinOf = ({ cell, recipe }, cells) =>
  cells.find(
    (one) =>
      one.cell.arm !== cell.arm &&
      ["task", "labels", "seed"].every((part) => one.cell[part] === cell[part]) &&
      JSON.stringify(one.recipe) === JSON.stringify(recipe),
  );

/** Gives a cell the result and the predictions of its finished twin. Writes and returns its result. */
export async function copyCell({ cell, key }, twin, out) {
  const [from, to] = [twin.cell, cell].map((one) => join(out, "cells", cellName(one)));
  await claimFolder(to, key);
  await copyFile(join(from, PREDICTIONS), join(to, PREDICTIONS));
  const result = { ...JSON.parse(await readFile(join(from, RESULT), "utf8")), key, ...cell };
  await writeResult(to, result);
  return result;
}

async function writeResult(folder, result) {
  await writeFile(join(folder, `${RESULT}.partial`), JSON.stringify(result, undefined, 2));
  await rename(join(folder, `${RESULT}.partial`), join(folder, RESULT));
}

/** Empties the folder of a cell whose unfinished work belongs to other settings. */
async function claimFolder(folder, key) {
  const owner = join(folder, "key");
  const held = await readFile(owner, "utf8").catch((error) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (held === key) return;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(owner, key);
}

const detailsOf = async (folder, stage) =>
  JSON.parse(await readFile(join(folder, stage, "manifest.json"), "utf8")).details;

const evaluation = (folder, metrics, settings) => [
  ...["--data", join(folder, "data", "test.jsonl"), "--metrics", metrics.join(",")],
  ...["-o", join(folder, PREDICTIONS), "--limit", String(settings.testRows)],
  ...threadFlags(settings),
];

const threadFlags = ({ threads }) => (threads === undefined ? [] : ["--threads", String(threads)]);

async function measureStudent({ folder, command, watch, metrics, settings }) {
  for (const stage of STUDENT_STAGES) await watch.time(stage, () => slm([...command, "--only", stage]));
  const trained = await detailsOf(folder, "distill");
  const quantized = await detailsOf(folder, "quantize");
  const { models } = JSON.parse(await readFile(join(folder, "bench", "bench.json"), "utf8"));
  const { n, metrics: values } = await slm([
    "eval",
    join(folder, "distill"),
    ...evaluation(folder, metrics, settings),
  ]);
  return {
    n,
    metrics: values,
    dev: trained.metrics,
    parameters: trained.parameters,
    steps: trained.steps,
    bestStep: trained.bestStep,
    deployed: {
      scheme: quantized.scheme,
      bytes: quantized.bytesAfter,
      // On all held-out rows, with the float32 export measured beside it.
      gate: quantized.gate,
      msPerAnswer: models[0].totalMs.p50,
      tokensPerSecond: models[0].tokensPerSecond.p50,
    },
  };
}

/** The teacher itself, in float32. Answers are generated in batches, so milliseconds are those of the benchmark, one at a time. */
async function measureTeacher({ cell, folder, metrics, settings }) {
  const teacher = join(folder, "teacher");
  const {
    n,
    metrics: values,
    parameters,
  } = await slm(["teacher", "eval", teacher, ...evaluation(folder, metrics, settings)]);
  const { models } = await slm([
    ...["bench", teacher, "--data", join(folder, "data", "test.jsonl")],
    ...["--runs", String(settings.benchRuns), "--force-tokens", String(TASKS[cell.task].answerTokens)],
    ...threadFlags(settings),
  ]);
  const [{ totalMs, tokensPerSecond, bytes }] = models;
  return {
    n,
    metrics: values,
    parameters,
    deployed: {
      scheme: "float32",
      bytes,
      msPerAnswer: totalMs.p50,
      tokensPerSecond: tokensPerSecond.p50,
    },
  };
}
