/** The inputs of distillation jobs: the run's directories and settings, sent once and copied once per machine. */
import { SILENT, SlmError } from "@slm/core";
import { distillConfig, type DistillConfig, type DistillInputs } from "@slm/distillation";
import type { EngineName } from "@slm/tensor";
import type { FileRef, JobRequest, SharedFiles } from "@slm/extension-workers";
import { z } from "zod";
import { ENGINES } from "../compute/compute.js";
import { withEngine } from "../compute/open-engine.js";

/** Directories of a distillation by content. */
export interface DistillDirectories {
  readonly dataDirectory: string;
  readonly tokenizerDirectory: string;
  readonly teacherDirectory?: string | undefined;
  readonly cacheDirectory?: string | undefined;
}

const DIRECTORIES = ["dataDirectory", "tokenizerDirectory", "teacherDirectory", "cacheDirectory"] as const;

/** Sends the directories of a run. @returns references by their names in jobs */
export async function sendDirectories(
  files: SharedFiles,
  given: DistillDirectories,
): Promise<Readonly<Record<string, FileRef>>> {
  const refs: Record<string, FileRef> = {};
  for (const name of DIRECTORIES) {
    const directory = given[name];
    if (directory !== undefined) refs[name] = await files.putTree(directory);
  }
  return refs;
}

/** @throws SlmError CONFIG_INVALID if the run reads files outside its directories, or if every job would have to make a cache */
export function requireSendable(
  { initialize }: DistillConfig,
  { teacherDirectory, cacheDirectory }: DistillDirectories,
): void {
  for (const key of ["student", "vision"] as const)
    if (initialize[key] !== undefined)
      throw new SlmError(
        "CONFIG_INVALID",
        `distill: initialize.${key} names a file on this machine, which workers cannot read`,
        {
          suggestions: [`leave out distill.initialize.${key}`, "train without --workers"],
        },
      );
  if (teacherDirectory !== undefined && cacheDirectory === undefined)
    throw new SlmError(
      "CONFIG_INVALID",
      "distill: workers need a cache with the teacher's distributions, got none",
      {
        suggestions: ["add a section 'cache' to the recipe"],
      },
    );
}

/** The settings of a distillation as a file. */
export const sendSettings = (files: SharedFiles, settings: DistillConfig, seed: number): Promise<FileRef> =>
  files.putBytes(Buffer.from(JSON.stringify({ settings, seed })));

const settingsFile = z.strictObject({ settings: distillConfig, seed: z.int() });

export const engineSetting = z.enum(ENGINES);

/** Runs `body` with the settings and inputs of a job, and an engine. */
export async function withDistillJob<Result>(
  { inputs, files, copies, threads, signal }: JobRequest,
  { engine: name, workDirectory }: { readonly engine: EngineName; readonly workDirectory: string },
  body: (settings: DistillConfig, inputs: DistillInputs) => Promise<Result>,
): Promise<Result> {
  const { settings, seed } = settingsFile.parse(
    JSON.parse((await files.getBytes(inputs["settings"]!)).toString("utf8")),
  );
  const directories: Partial<Record<(typeof DIRECTORIES)[number], string>> = {};
  for (const directory of DIRECTORIES) {
    const ref = inputs[directory];
    if (ref !== undefined) directories[directory] = await copies.tree(ref);
  }
  const { dataDirectory, tokenizerDirectory, ...others } = directories;
  if (dataDirectory === undefined || tokenizerDirectory === undefined)
    throw new SlmError("DATA_INVALID", "distill: the job has no data or no tokenizer");
  return withEngine({ engine: name, threads }, (engine) =>
    body(settings, {
      ...{ dataDirectory, tokenizerDirectory, ...others, workDirectory, engine },
      context: { progress: SILENT, signal, seed },
    }),
  );
}
