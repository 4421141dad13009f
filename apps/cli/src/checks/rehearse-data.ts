/** Reads the rows of a plan as its run would, into a directory that is removed, so that a plan finds what is wrong with them. */
import { existsSync, realpathSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join, relative } from "node:path";
import { dataConfig } from "@slm/data";
import { tokenizerConfig } from "@slm/tokenizer";
import { writeArtifact, type StageContext } from "@slm/core";
import type { Compute } from "../compute/compute.js";
import type { Stage } from "../pipeline/stage.js";
import { aboutOf } from "../summary/run-artifacts.js";

export interface Rehearsal {
  readonly stages: readonly Stage[];
  readonly sections: Readonly<Record<string, unknown>>;
  /** Artifacts that are up to date. */
  readonly artifacts: Readonly<Record<string, string>>;
  readonly compute: Compute;
  readonly context: StageContext;
}

/**
 * Runs the data and the tokenizer stage as far as they need no code of the user, no images and no network, and calls `body` with their
 * artifacts and those that are up to date. Stages that are up to date are not run.
 *
 * @throws SlmError as the two stages, and as `body`
 */
export async function withRehearsedData(
  { stages, sections, artifacts, compute, context }: Rehearsal,
  body: (artifacts: Readonly<Record<string, string>>) => Promise<void>,
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "slm-plan-"));
  const made: Record<string, string> = { ...artifacts };
  const make = async (name: "data" | "tokenizer"): Promise<void> => {
    const stage = stages.find((one) => one.name === name);
    if (stage === undefined || sections[name] === undefined || made[name] !== undefined) return;
    const about = aboutOf(name, sections.deploy);
    const settings = sections[name];
    const spec = { kind: stage.kind, key: name, inputs: [], settings, origins: {}, seed: context.seed };
    const { directory } = await writeArtifact({ ...spec, directory: join(root, name) }, (work) =>
      stage.run({ ...context, settings, compute, about, inputs: { ...made }, work }),
    );
    made[name] = directory;
  };
  try {
    if (isReadHere(sections.data)) await make("data");
    if (made.data !== undefined && isTrainedHere(sections.tokenizer)) await make("tokenizer");
    await body(made);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** A dataset module is code of the user, and images are large: both are left to the run. Modules that slm itself brings are read. */
function isReadHere(section: unknown): boolean {
  const settings = dataConfig.safeParse(section).data;
  if (settings === undefined || settings.images !== undefined) return false;
  return settings.source === undefined || isOwn(settings.source.module);
}

/** Whether a file belongs to the recipes that slm brings: the folder `configs` beside this program. Links out of it do not. */
function isOwn(file: string): boolean {
  const folder = ownConfigs();
  if (folder === undefined || !existsSync(file)) return false;
  const path = relative(folder, realpathSync(file));
  return !path.startsWith("..") && !isAbsolute(path);
}

/** The folder of slm's own recipes, in a checkout and in the installed package; undefined where there is none. */
function ownConfigs(): string | undefined {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const configs = join(folder, "configs", "quickstart");
    if (existsSync(configs)) return realpathSync(dirname(configs));
  }
  return undefined;
}

/** A tokenizer of the hub may have to be fetched. */
function isTrainedHere(section: unknown): boolean {
  const settings = tokenizerConfig.safeParse(section).data;
  return settings !== undefined && (settings.kind !== "pretrained" || existsSync(settings.model));
}
