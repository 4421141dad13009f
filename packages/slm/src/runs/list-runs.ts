/** Lists the runs in a folder and its subfolders, with their stages, metrics and state. */
import { parsedJson, readManifest, storedPath, type Manifest } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { STAGE_NAMES } from "@slm/pipeline/stage/stage-names";
import { measuredIn } from "./describe-artifact.js";

/** `running`: a process works on a stage. `interrupted`: a stage is unfinished and can be resumed. */
type RunStatus = "finished" | "running" | "interrupted";

export interface RunSummary {
  /** Path relative to the folder. */
  readonly name: string;
  readonly directory: string;
  readonly status: RunStatus;
  /** Finished stages, in the order of the pipeline. */
  readonly stages: readonly string[];
  /** The stage in progress or interrupted; null if there is none. */
  readonly unfinished: string | null;
  /** Metrics of the run's last model. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Size of the bundle [bytes]; null until it exists. */
  readonly bytes: number | null;
  /** When a stage last ended or made progress, as ISO 8601. */
  readonly updatedAt: string;
}

/** Maximum depth of the search in subfolders. */
const DEPTH = 3;

/**
 * Lists the runs in a folder and its subfolders, newest first.
 *
 * @throws SlmError INPUT_MISSING if the folder does not exist
 */
export async function listRuns(folder: string): Promise<readonly RunSummary[]> {
  if (!existsSync(folder)) {
    throw new SlmError("INPUT_MISSING", `${folder}: no such folder, so it has no runs`, {
      suggestions: ["slm run recipe.yaml", "slm info FOLDER"],
    });
  }
  const found: RunSummary[] = [];
  for (const directory of await runsBelow(folder, DEPTH))
    found.push(await summarize(folder, directory));
  return found.sort((a, b) => (a.updatedAt < b.updatedAt ? 1 : -1));
}

/** Directories that contain a stage, finished or not. A run's own directories are not searched. */
async function runsBelow(
  directory: string,
  depth: number,
): Promise<readonly string[]> {
  if (STAGE_NAMES.some((stage) => stateOf(directory, stage) !== undefined)) return [directory];
  if (depth === 0) return [];
  const entries = await readdir(directory, { withFileTypes: true });
  const below = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
  const nested = await Promise.all(
    below.map(({ name }) => runsBelow(join(directory, name), depth - 1)),
  );
  return nested.flat();
}

/** Where the pipeline keeps unfinished work on a stage. */
const partial = (directory: string, stage: string): string => join(directory, `${stage}.partial`);

function stateOf(directory: string, stage: string): "finished" | "unfinished" | undefined {
  if (existsSync(partial(directory, stage))) return "unfinished";
  return existsSync(join(directory, stage, "manifest.json")) ? "finished" : undefined;
}

async function summarize(folder: string, directory: string): Promise<RunSummary> {
  const finished = STAGE_NAMES.filter((stage) => existsSync(join(directory, stage, "manifest.json")));
  const unfinished = STAGE_NAMES.find((stage) => stateOf(directory, stage) === "unfinished") ?? null;
  const manifests = new Map<string, Manifest>();
  for (const stage of finished) {
    const manifest = await readManifest(join(directory, stage)).catch(ignoreUnreadable);
    if (manifest !== undefined) manifests.set(stage, manifest);
  }
  const ended = [...manifests.values()].map(({ createdAt }) => createdAt);
  const worked =
    unfinished === null ? [] : [(await stat(partial(directory, unfinished))).mtime.toISOString()];
  return {
    name: storedPath(folder, directory) || ".",
    directory,
    status:
      unfinished === null ? "finished" : (await isHeld(directory, unfinished)) ? "running" : "interrupted",
    stages: finished,
    unfinished,
    metrics: metricsOf(manifests),
    bytes: sizeOf(manifests.get("deploy")),
    updatedAt: [...ended, ...worked].sort().at(-1) ?? new Date(0).toISOString(),
  };
}

/** If another version wrote the manifest, the run is listed without this stage's figures. */
function ignoreUnreadable(error: unknown): undefined {
  if (error instanceof SlmError) return undefined;
  throw error;
}

/** Stages that measure the model, from the last to the first in the pipeline. */
const MEASURING = ["quantize", "export", "distill"] as const;

function metricsOf(manifests: ReadonlyMap<string, Manifest>): Readonly<Record<string, number>> {
  for (const stage of MEASURING) {
    const manifest = manifests.get(stage);
    const scheme = z.looseObject({ scheme: z.string() }).safeParse(manifest?.details).data?.scheme;
    const measured = manifest === undefined ? undefined : measuredIn(manifest, scheme);
    if (measured !== undefined) return measured.metrics;
  }
  return {};
}

const sizeOf = (bundle: Manifest | undefined): number | null =>
  bundle === undefined ? null : bundle.outputs.reduce((sum, { bytes }) => sum + bytes, 0);

const holder = z.looseObject({ pid: z.int().positive(), host: z.string() });

/** Whether a running process works on a stage. A process on another machine cannot be checked, so it counts as running. */
async function isHeld(directory: string, stage: string): Promise<boolean> {
  const text = await readFile(join(directory, `${stage}.lock.json`), "utf8").catch(() => undefined);
  const held = text === undefined ? undefined : holder.safeParse(parsedJson(text)).data;
  if (held === undefined) return false;
  if (held.host !== hostname()) return true;
  try {
    process.kill(held.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
