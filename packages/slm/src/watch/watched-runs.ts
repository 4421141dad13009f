/** Finds the runs in directories and their current state: running, stopped or finished. */
import { METRICS_FILE } from "@slm/training";
import { SlmError } from "@slm/core/errors";
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { TRAINING_PLACES, locateRuns, type TrainingRun } from "../runs/training-runs.js";

/** Maximum number of runs on a page. The latest are shown. */
const RUN_LIMIT = 200;
/** A run counts as stopped if its log did not change for this time, which is longer than an evaluation takes [ms]. */
const SILENT_MS = 120_000;

type RunState = "running" | "stopped" | "finished";

export interface WatchedRun {
  /** Path of the run's directory, which identifies it. */
  readonly root: string;
  readonly name: string;
  readonly state: RunState;
  /** The training that changed last: the student's or the teacher's. */
  readonly training: TrainingRun;
  readonly changedAt: number;
  /** The reason why its manifest cannot be read. */
  readonly problem?: Error | undefined;
}

/** @param paths directories of runs, or directories that contain them. Directories without a log are skipped. */
export async function watchedRuns(paths: readonly string[]): Promise<readonly WatchedRun[]> {
  const roots = new Set<string>();
  for (const path of paths.map((one) => resolve(one))) {
    const children = await childrenOf(path);
    for (const root of [path, ...children]) if (hasLog(root)) roots.add(root);
  }
  const runs = await Promise.all([...roots].map(watchedRun));
  return runs.sort((a, b) => b.changedAt - a.changedAt).slice(0, RUN_LIMIT);
}

async function childrenOf(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
}

const placesOf = (root: string): readonly string[] =>
  [root, ...TRAINING_PLACES.map((place) => join(root, place))].filter((directory) =>
    existsSync(join(directory, METRICS_FILE)),
  );

/** A stage's directory is part of its run, not a run itself. */
function hasLog(root: string): boolean {
  const isStage = (TRAINING_PLACES as readonly string[]).includes(basename(root));
  return placesOf(root).length > 0 && !(isStage && placesOf(dirname(root)).length > 0);
}

async function watchedRun(root: string): Promise<WatchedRun> {
  const written = await Promise.all(
    placesOf(root).map(async (directory) => {
      return { directory, changedAt: (await stat(join(directory, METRICS_FILE))).mtimeMs };
    }),
  );
  const { directory, changedAt } = written.reduce((a, b) => (b.changedAt > a.changedAt ? b : a));
  let training: TrainingRun;
  let problem: Error | undefined;
  try {
    [training] = (await locateRuns([directory])) as [TrainingRun];
  } catch (error) {
    if (!(error instanceof SlmError)) throw error;
    problem = error;
    const metricsFile = join(directory, METRICS_FILE);
    training = {
      name: basename(root),
      directory,
      metricsFile,
      settings: undefined,
      endedAt: changedAt / 1000,
    };
  }
  const isFinished = training.settings !== undefined;
  const isSilent = Date.now() - changedAt > SILENT_MS;
  const state = isFinished ? "finished" : isSilent ? "stopped" : "running";
  return { root, name: basename(root), state, training, changedAt, problem };
}
