/** Base of commands that run one stage of a recipe, and what it needs, and report that stage. */
import { join } from "node:path";
import type { PlannedStage } from "../pipeline/run-pipeline.js";
import { stageLine } from "../output/stage-line.js";
import type { PrintedConfig, RunRequest } from "../pipeline-run.js";
import { computeSets } from "../recipe-flags.js";
import { SlmCommand } from "../slm-command.js";

export interface StageReport {
  /** Directory of the artifact. */
  readonly artifact: string;
  readonly status: "ran" | "skipped";
  readonly seconds: number;
  /** The stage's own report, from the manifest: the same whether it ran now or before. */
  readonly [detail: string]: unknown;
}

export interface StagePlan {
  readonly stages: readonly PlannedStage[];
}

export type StageResult = StageReport | StagePlan | PrintedConfig;

export interface StageFlags {
  readonly set: readonly string[];
  readonly out: string | undefined;
  readonly force: boolean;
  readonly "print-config": boolean;
  readonly "dry-run": boolean;
  readonly engine?: string | undefined;
  readonly threads?: number | undefined;
  /** False discards what a killed run left of the stage; absent: it is continued. */
  readonly resume?: boolean;
}

export abstract class StageCommand extends SlmCommand<StageResult> {
  /** Runs the stages up to `stage`; only `stage` itself is done again by `--force`. */
  protected async runStage(
    stage: string,
    recipe: string | undefined,
    flags: StageFlags,
  ): Promise<StageResult> {
    const request: RunRequest = {
      recipe: {
        sets: [...flags.set, ...computeSets(flags)],
        environment: process.env,
        ...(recipe === undefined ? {} : { path: recipe }),
      },
      out: flags.out,
      force: false,
      stages: [stage],
      ...(flags.resume === false ? { fresh: stage } : {}),
    };
    const { readManifest } = await import("@slm/core");
    const { preparePipeline, printConfig } = await import("../pipeline-run.js");
    const { planPipeline, runPipeline } = await import("../pipeline/run-pipeline.js");
    const { requiredStages } = await import("../pipeline/selection.js");
    const resolved = await preparePipeline(request);
    const needed = requiredStages(resolved.stages, [stage], Object.keys(resolved.recipe.sections));
    const sections = Object.entries(resolved.recipe.sections).filter(([name]) => needed.includes(name));
    const options = { ...resolved, recipe: { ...resolved.recipe, sections: Object.fromEntries(sections) } };
    this.checkSections?.(options.recipe.sections);
    if (flags["print-config"]) return printConfig(options.recipe);
    if (flags["dry-run"]) return { stages: await planPipeline(options) };
    const context = this.context(options.recipe.seed);
    const outcomes = [...(await runPipeline(options, context))];
    if (flags.force && outcomes.at(-1)?.status === "skipped") {
      outcomes.splice(-1, 1, ...(await runPipeline({ ...options, only: stage, force: true }, context)));
    }
    const outcome = outcomes.at(-1);
    if (outcome === undefined) throw new Error(`stage '${stage}' was not planned`);
    const { details } = await readManifest(join(options.out, stage));
    return { ...details, artifact: outcome.artifact, status: outcome.status, seconds: outcome.seconds };
  }

  /** Refuses a recipe that the command makes no sense for. @throws SlmError CONFIG_INVALID */
  protected checkSections?(sections: Readonly<Record<string, { readonly settings: unknown }>>): void;

  /** One line about the stage's report, printed above the artifact's path. */
  protected abstract summarize(report: StageReport): string;

  protected override lines(result: StageResult): readonly string[] {
    if ("config" in result) return [(result as PrintedConfig).yaml];
    if (isPlan(result)) return result.stages.map(stageLine);
    return [this.summarize(result), result.artifact];
  }
}

function isPlan(result: StageResult): result is StagePlan {
  return !("artifact" in result) && "stages" in result;
}
