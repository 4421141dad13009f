/** Finds training runs by path, with their logs, names and settings. */
import { ifThere, readManifest, type Manifest } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { METRICS_FILE } from "@slm/training";
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";

export interface TrainingRun {
  /** The shortest suffix of the path that is unique among the runs. */
  readonly name: string;
  readonly directory: string;
  readonly metricsFile: string;
  /** The stage's settings and seed; undefined while the run is in progress and has no manifest yet. */
  readonly settings: Readonly<Record<string, unknown>> | undefined;
  /** When the log was last written, or the run was finished [seconds since 1970]. */
  readonly endedAt: number;
}

/** Possible places of a log in the directory of a recipe's run: finished stages first, then stages in progress. */
const TRAINING_PLACES = ["distill", "distill.partial", "teacher", "teacher.partial"] as const;

/**
 * Finds the logs of runs. A path is a directory with `metrics.jsonl`, or the directory of a recipe's run.
 *
 * @throws SlmError INPUT_MISSING for a path without a log; USAGE for a repeated run; DATA_INVALID for an invalid manifest
 */
export async function locateRuns(paths: readonly string[]): Promise<readonly TrainingRun[]> {
  const directories = paths.map(directoryOf);
  const twice = directories.find((directory, index) => directories.indexOf(directory) < index);
  if (twice !== undefined) throw new SlmError("USAGE", `report: the run in ${twice} is given twice`);
  const names = shortNames(paths.map((path) => resolve(path)));
  return Promise.all(
    directories.map(async (directory, index): Promise<TrainingRun> => {
      const metricsFile = join(directory, METRICS_FILE);
      const manifest = await manifestOf(directory);
      const endedAt =
        manifest === undefined ? (await stat(metricsFile)).mtimeMs : Date.parse(manifest.createdAt);
      return {
        name: names[index]!,
        directory,
        metricsFile,
        settings: manifest === undefined ? undefined : settingsOf(manifest),
        endedAt: endedAt / 1000,
      };
    }),
  );
}

function directoryOf(path: string): string {
  const candidates = [path, ...TRAINING_PLACES.map((stage) => join(path, stage))].map((place) =>
    resolve(place),
  );
  const found = candidates.find((directory) => existsSync(join(directory, METRICS_FILE)));
  if (found !== undefined) return found;
  throw new SlmError(
    "INPUT_MISSING",
    `report: no ${METRICS_FILE} in ${path} or its subdirectories ${TRAINING_PLACES.join(", ")}`,
    {
      context: { path },
      suggestions: ["slm report RUN", "slm distill RECIPE"],
    },
  );
}

/** Undefined for a run in progress. */
const manifestOf = (directory: string): Promise<Manifest | undefined> => ifThere(readManifest(directory));

function settingsOf({ settings, seed }: Manifest): Readonly<Record<string, unknown>> {
  const isTree = typeof settings === "object" && settings !== null && !Array.isArray(settings);
  return { ...(isTree ? settings : { settings }), seed };
}

/** The shortest suffix of each path that is unique. Paths are absolute and differ. */
function shortNames(paths: readonly string[]): readonly string[] {
  const parts = paths.map((path) => path.split(/[\\/]/).filter((part) => part !== ""));
  const longest = Math.max(...parts.map(({ length }) => length));
  for (let count = 1; count < longest; count += 1) {
    const names = parts.map((all) => all.slice(-count).join("/"));
    if (new Set(names).size === names.length) return names;
  }
  return parts.map((all) => all.join("/"));
}
