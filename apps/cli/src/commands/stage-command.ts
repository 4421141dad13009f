/** Base of commands that run one stage of a recipe, with the stages that it needs, and report that stage. */
import type { PrintedConfig, RunPlan } from "@slm/slm/functions/run-recipe";
import type { StageOptions, StageReport } from "@slm/slm/functions/run-stage";
import { stageLines } from "../ui/stage-line.js";
import { SAVING, SlmCommand } from "../ui/slm-command.js";

export type StageResult = StageReport | RunPlan | PrintedConfig;

export interface StageFlags extends StageOptions {
  readonly "print-config": boolean;
  readonly "dry-run": boolean;
  /** Address of the Redis server, and of the storage that the workers share. */
  readonly workers?: string | undefined;
  readonly storage?: string | undefined;
  readonly insecure?: boolean | undefined;
}

export abstract class StageCommand extends SlmCommand<StageResult> {
  protected override readonly stopping = SAVING;

  /** Runs the stages up to `stage`; `--force` repeats only `stage` itself. */
  protected async runStage(
    stage: string,
    recipe: string | undefined,
    flags: StageFlags,
  ): Promise<StageResult> {
    const { planPrepared, printConfig, withWorkers } = await import("@slm/slm/functions/run-recipe");
    const { prepareStage, runPreparedStage } = await import("@slm/slm/functions/run-stage");
    const prepared = await prepareStage(stage, recipe, { ...flags, environment: process.env });
    this.checkSections?.(prepared.recipe.sections);
    if (flags["print-config"]) return printConfig(prepared);
    if (flags["dry-run"]) return planPrepared(prepared, this.work);
    const connected = await withWorkers(prepared, flags, this.work);
    return runPreparedStage(stage, connected, { ...this.work, force: flags.force });
  }

  /** Rejects a recipe that the command cannot be used with. @throws SlmError CONFIG_INVALID */
  protected checkSections?(sections: Readonly<Record<string, { readonly settings: unknown }>>): void;

  /** One line about the stage's report, printed above the artifact's path. */
  protected abstract summarize(report: StageReport): string;

  protected override lines(result: StageResult): readonly string[] {
    if ("config" in result) return [(result as PrintedConfig).yaml];
    if (isPlan(result)) return result.stages.flatMap(stageLines);
    return [this.summarize(result), result.artifact];
  }
}

function isPlan(result: StageResult): result is RunPlan {
  return !("artifact" in result) && "stages" in result;
}
