/** The interface of a stage. Stages communicate only through artifact directories: each reads some and writes one. */
import type { ArtifactKind, StageContext } from "@slm/core";
import type { z } from "zod";
import type { Compute } from "../compute/compute.js";
import type { WorkersAddress } from "../workers/workers-address.js";
import type { FilesRequest, PlanRequest, StageFile } from "./plan-request.js";

/** An earlier stage whose artifact a stage reads. */
export interface StageInput<Settings = unknown> {
  readonly stage: string;
  /** The name by which the stage's code asks for it. Default: `stage`. */
  readonly as?: string | undefined;
  /** An optional input is read only if the recipe has a section for it. */
  readonly required: boolean;
  /** Whether these settings of the stage read it. Default: all do. */
  readonly isRead?: ((settings: Settings) => boolean) | undefined;
}

/** Estimated cost of running a stage; unknown fields are left out. */
export interface StageEstimate {
  readonly seconds?: number | undefined;
  readonly diskBytes?: number;
  readonly memoryBytes?: number;
  /** Weights that are trained, adapters included. */
  readonly parameters?: number;
  /** Source and target tokens read over the whole run, padding excluded. */
  readonly tokens?: number;
  /** Multiply-adds of the whole run, counted as two. */
  readonly flops?: number;
  /** Requests to a server. */
  readonly requests?: number;
  /** What the figures were computed from. */
  readonly basis?: string;
}

/** What a run is about, for the head of its reports. */
export interface RunAbout {
  /** Name of the task: `deploy.name`, else that of the run. */
  readonly task: string;
  /** Name of the run: of its recipe or directory. */
  readonly run: string;
}

/** One run of a stage. */
export interface StageRun<Settings> extends StageContext {
  readonly settings: Settings;
  readonly compute: Compute;
  /** Machines that do what can be divided. Default: all is done here. */
  readonly workers?: WorkersAddress | undefined;
  /** For the heads of reports. A change of it makes no stage run again. */
  readonly about: RunAbout;
  /** Artifact directories by stage; an optional input that the recipe leaves out is absent. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Directory to fill. After an interruption it holds the files that the earlier run wrote with the same settings and inputs. */
  readonly work: string;
}

/** Definition of a stage. */
export interface PipelineStage<Settings> {
  /** Name of the stage, of its section in a recipe, and of its directory in a run. */
  readonly name: string;
  readonly summary: string;
  readonly section: z.ZodType<Settings>;
  /** Kind of the artifact it writes. */
  readonly kind: ArtifactKind;
  /** Raised when a change of the stage's code changes its output for the same settings, so that old artifacts are rebuilt. */
  readonly revision: number;
  readonly inputs: readonly StageInput<Settings>[];
  readonly files?: (
    settings: Settings,
    request: FilesRequest,
  ) => readonly StageFile[] | Promise<readonly StageFile[]>;
  readonly estimate?: (request: PlanRequest<Settings>) => StageEstimate | Promise<StageEstimate>;
  /** Folders of its artifact that hold many files; see `ArtifactSpec`. */
  readonly indexed?: readonly string[] | undefined;
  /** Files and folders of its artifact that hold times and speeds; see `ArtifactSpec`. */
  readonly records?: readonly string[] | undefined;
  /** Whether it resumes from the work of a failed run; otherwise that work is deleted. Default true. */
  readonly isResumable?: boolean;
  /** Whether the number of threads changes its output. If so, another number of threads runs it again. */
  readonly measuresThreads?: boolean;
  /** Fills `work` and returns the stage's report. */
  readonly run: (run: StageRun<Settings>) => Promise<object>;
}

/** A stage whose settings type is hidden: settings are parsed again when they are passed to it. */
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
