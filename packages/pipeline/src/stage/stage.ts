/** The interface of a stage. Stages communicate only through artifact directories: each reads some and writes one. */
import type { ArtifactKind, StageContext } from "@slm/core";
import type { z } from "zod";
import type { Compute } from "@slm/models/compute";
import type { WorkersAddress } from "../workers/workers-address.js";
import type { FilesRequest, PlanRequest, StageFile } from "./plan-request.js";

/** An earlier stage whose artifact a stage reads. */
export interface StageInput<Settings = unknown> {
  readonly stage: string;
  /** The name of the input in the stage's code. Default: `stage`. */
  readonly as?: string | undefined;
  /** An optional input is read only if the recipe has a section for it. */
  readonly required: boolean;
  /** Whether the stage reads the input with these settings. Default: always. */
  readonly isRead?: ((settings: Settings) => boolean) | undefined;
}

/** Estimated cost of a stage. Unknown fields are left out. */
export interface StageEstimate {
  readonly seconds?: number | undefined;
  readonly diskBytes?: number;
  readonly memoryBytes?: number;
  /** Number of trained weights, including adapters. */
  readonly parameters?: number;
  /** Source and target tokens read during the whole run, without padding. */
  readonly tokens?: number;
  /** FLOPs of the whole run; a multiply-add counts as two. */
  readonly flops?: number;
  /** Number of requests to a server. */
  readonly requests?: number;
  /** Says what the figures were computed from. */
  readonly basis?: string;
}

/** Names of the task and the run, for the head of reports. */
export interface RunAbout {
  /** Name of the task: `deploy.name`, or the name of the run. */
  readonly task: string;
  /** Name of the run, from its recipe or directory. */
  readonly run: string;
}

/** One run of a stage. */
export interface StageRun<Settings> extends StageContext {
  readonly settings: Settings;
  readonly compute: Compute;
  /** Workers for the parts that can be divided. Default: everything runs on this machine. */
  readonly workers?: WorkersAddress | undefined;
  /** For the heads of reports. A change does not make a stage run again. */
  readonly about: RunAbout;
  /** Artifact directories by stage. Optional inputs that the recipe leaves out are absent. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Directory to write to. After an interruption it contains the files of the earlier run with the same settings and inputs. */
  readonly work: string;
}

/** Definition of a stage. */
export interface PipelineStage<Settings> {
  /** Name of the stage, its section in a recipe, and its directory in a run. */
  readonly name: string;
  readonly summary: string;
  readonly section: z.ZodType<Settings>;
  /** Kind of the artifact it writes. */
  readonly kind: ArtifactKind;
  /** Version of the stage's code. Increase it if the output changes for the same settings, so that old artifacts are rebuilt. */
  readonly revision: number;
  readonly inputs: readonly StageInput<Settings>[];
  readonly files?: (
    settings: Settings,
    request: FilesRequest,
  ) => readonly StageFile[] | Promise<readonly StageFile[]>;
  readonly estimate?: (request: PlanRequest<Settings>) => StageEstimate | Promise<StageEstimate>;
  /** Folders of its artifact with many files; see `ArtifactSpec`. */
  readonly indexed?: readonly string[] | undefined;
  /** Files and folders of its artifact with times and speeds; see `ArtifactSpec`. */
  readonly records?: readonly string[] | undefined;
  /** Whether the stage can resume an interrupted run; if not, unfinished work is deleted. Default: true. */
  readonly isResumable?: boolean;
  /** Whether its output depends on the number of threads. If so, the stage runs again with another number of threads. */
  readonly measuresThreads?: boolean;
  /** Writes the artifact to `work` and returns the stage's report. */
  readonly run: (run: StageRun<Settings>) => Promise<object>;
}

/** A stage without the type of its settings. It parses the settings that are passed to it. */
export interface Stage extends Pick<
  PipelineStage<unknown>,
  "name" | "summary" | "kind" | "revision" | "inputs" | "indexed" | "records"
> {
  readonly section: z.ZodType;
  readonly files: (settings: unknown, request: FilesRequest) => Promise<readonly StageFile[]>;
  readonly estimate: (request: PlanRequest<unknown>) => Promise<StageEstimate>;
  readonly measuresThreads: boolean;
  readonly isResumable: boolean;
  readonly run: (run: StageRun<unknown>) => Promise<object>;
}

/** Makes a row of the stage table. */
export function defineStage<Settings>(stage: PipelineStage<Settings>): Stage {
  const { name, summary, kind, revision, section } = stage;
  const inputs = stage.inputs.map(({ isRead, ...input }): StageInput => {
    return { ...input, isRead: isRead && ((settings) => isRead(section.parse(settings))) };
  });
  return {
    name,
    summary,
    kind,
    revision,
    inputs,
    section,
    indexed: stage.indexed,
    records: stage.records,
    files: async (settings, request) => (await stage.files?.(section.parse(settings), request)) ?? [],
    estimate: async (request) =>
      (await stage.estimate?.({ ...request, settings: section.parse(request.settings) })) ?? {},
    measuresThreads: stage.measuresThreads ?? false,
    isResumable: stage.isResumable ?? true,
    run: (run) => stage.run({ ...run, settings: section.parse(run.settings) }),
  };
}
