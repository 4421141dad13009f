/** Reads the rows for a plan as a run would, into a temporary directory, so that a plan reports invalid rows. */
import { existsSync, realpathSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join, relative } from "node:path";
import { dataConfig } from "@slm/data";
import { tokenizerConfig } from "@slm/tokenizer";
import { removePath, writeArtifact, type StageContext } from "@slm/core";
import type { Compute } from "@slm/models/compute";
import type { Stage } from "../stage/stage.js";
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
 * Runs stages `data` and `tokenizer` unless they need user code, images or the network, and calls `body` with all artifacts that exist.
 * Stages that are up to date are not run again.
 *
 * @throws SlmError thrown by the two stages or by `body`
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
    await removePath(root);
  }
}

/** A plan does not run dataset modules of the user and does not read images. It does run the modules that are part of slm. */
function isReadHere(section: unknown): boolean {
  const settings = dataConfig.safeParse(section).data;
  if (settings === undefined || settings.images !== undefined) return false;
  return settings.source === undefined || isOwn(settings.source.module);
}

/** Whether a file belongs to slm's own recipes in the folder `configs`. Links that lead out of this folder do not. */
function isOwn(file: string): boolean {
  const folder = ownConfigs();
  if (folder === undefined || !existsSync(file)) return false;
  const path = relative(folder, realpathSync(file));
  return !path.startsWith("..") && !isAbsolute(path);
}

/** The folder of slm's own recipes, in a checkout and in the installed package; undefined if it does not exist. */
function ownConfigs(): string | undefined {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const configs = join(folder, "configs", "quickstart");
    if (existsSync(configs)) return realpathSync(dirname(configs));
  }
  return undefined;
}

/** A tokenizer from the hub may have to be downloaded. */
function isTrainedHere(section: unknown): boolean {
  const settings = tokenizerConfig.safeParse(section).data;
  return settings !== undefined && (settings.kind !== "pretrained" || existsSync(settings.model));
}
