/** Decides whether a stage's artifact is up to date: it compares settings, seed, code version and the hashes of inputs. */
import {
  SLM_VERSION,
  artifactInput,
  hashFolder,
  hashJson,
  knownHash,
  readFailure,
  readManifest,
  requireIntact,
  verifyDirectory,
  type ManifestInput,
} from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathSuggestion } from "../checks/check-files.js";
import { relativeToRecipe } from "../recipe/recipe-paths.js";
import type { ResolvedSection } from "../recipe/resolve-recipe.js";
import type { PipelineOptions } from "./pipeline-options.js";
import { inputsOf } from "./selection.js";
import type { FilesRequest } from "../stage/plan-request.js";
import type { Stage } from "../stage/stage.js";

/** A stage and everything that its artifact depends on. */
export interface PreparedStage {
  readonly stage: Stage;
  readonly section: ResolvedSection;
  /** The section's settings as recorded in the manifest, with paths relative to the recipe's folder. */
  readonly recorded: unknown;
  readonly directory: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly manifestInputs: readonly ManifestInput[];
  readonly key: string;
}

/** @throws SlmError INPUT_MISSING if an input's artifact or file does not exist, DATA_INVALID if an artifact is corrupt */
export async function prepare(
  stage: Stage,
  options: PipelineOptions,
  request: FilesRequest,
): Promise<PreparedStage> {
  const section = sectionOf(stage, options);
  const { path } = options.recipe;
  const recorded =
    path === undefined ? section.settings : relativeToRecipe(stage.section, section.settings, path);
  const stageInputs = inputsOf(stage, plannedStages(options), section.settings);
  const artifacts = await Promise.all(
    stageInputs.map((input) => inputArtifact(stage.name, input.stage, join(options.out, input.stage))),
  );
  const files = await Promise.all(
    (await stage.files(section.settings, request)).map(async ({ setting, path }): Promise<ManifestInput> => {
      return { name: setting, kind: "file", sha256: await hashInputFile(stage.name, setting, path) };
    }),
  );
  const manifestInputs = [...artifacts, ...files];
  const code = { slm: SLM_VERSION, stage: stage.name, revision: stage.revision };
  const { seed, compute } = options.recipe;
  const machine = stage.measuresThreads ? { threads: compute.threads ?? availableParallelism() } : {};
  return {
    stage,
    section,
    recorded,
    directory: join(options.out, stage.name),
    inputs: Object.fromEntries(
      stageInputs.map((input) => [input.as ?? input.stage, join(options.out, input.stage)]),
    ),
    manifestInputs,
    key: hashJson({ code, settings: recorded, inputs: manifestInputs, seed, ...machine }),
  };
}

export interface ArtifactState {
  /** Whether the artifact was made from these inputs and settings, and none of its files has changed. */
  readonly isCurrent: boolean;
  /** Says which of its files were changed, if the manifest matches. */
  readonly damage?: string | undefined;
}

export async function stateOf({ directory, key }: PreparedStage): Promise<ArtifactState> {
  try {
    if ((await readManifest(directory)).key !== key) return { isCurrent: false };
    const [problem] = (await verifyDirectory(directory, { hashes: "known" })).problems;
    if (problem === undefined) return { isCurrent: true };
    return { isCurrent: false, damage: `${join(directory, problem.path)} ${problem.message}` };
  } catch (error) {
    // Without a readable manifest the stage cannot be skipped.
    if (!(error instanceof SlmError)) throw error;
    return { isCurrent: false, damage: error.code === "DATA_INVALID" ? error.message : undefined };
  }
}

/** The stages with a section in the recipe. */
export function plannedStages({ stages, recipe }: PipelineOptions): readonly Stage[] {
  return stages.filter(({ name }) => recipe.sections[name] !== undefined);
}

async function inputArtifact(stage: string, input: string, directory: string): Promise<ManifestInput> {
  try {
    await requireIntact(directory);
    return await artifactInput(input, directory);
  } catch (error) {
    if (!(error instanceof SlmError) || error.code !== "INPUT_MISSING") throw error;
    throw new SlmError(
      "INPUT_MISSING",
      `${stage}: stage '${input}' has not been run: no ${directory}/manifest.json`,
      {
        context: { stage, input, directory },
        suggestions: ["run the recipe without --only and --from"],
        cause: error,
      },
    );
  }
}

async function hashInputFile(stage: string, setting: string, path: string): Promise<string> {
  try {
    // If a teacher or student is an artifact, check it: hashing its current files would accept corrupt ones.
    await requireIntact(path);
    return (await stat(path)).isDirectory() ? await hashFolder(path) : await knownHash(path);
  } catch (error) {
    const failure = readFailure(error, path);
    if (!(failure instanceof SlmError)) throw failure;
    throw new SlmError(failure.code, `${stage}.${setting}: ${failure.message}`, {
      context: { stage, setting, path },
      suggestions: failure.code === "INPUT_MISSING" ? [pathSuggestion(stage, setting)] : failure.suggestions,
      cause: error,
    });
  }
}

/** The settings of a planned stage. */
export function sectionOf(stage: Stage, { recipe }: PipelineOptions): ResolvedSection {
  const section = recipe.sections[stage.name];
  if (section === undefined) throw new Error(`stage '${stage.name}' was planned without settings`);
  return section;
}
