import { Flags } from "@oclif/core";
import type { PrintedConfig, RunPlan, RunReport } from "@slm/slm/functions/run-recipe";
import { summaryLines } from "@slm/slm/command-line";
import { stageLines } from "../ui/stage-line.js";
import { computeFlags, recipeFlags, requiredRecipeArg } from "../flags/recipe-flags.js";
import { SAVING, SlmCommand } from "../ui/slm-command.js";
import { workersFlags } from "../flags/workers-flags.js";

type RunResult = RunReport | RunPlan | PrintedConfig;

export class RunCommand extends SlmCommand<RunResult> {
  static override summary = "Run a recipe: every stage in order, skipping those that are up to date.";
  static override description =
    "Run the same command again to resume an interrupted run. Relative paths in a recipe start from the recipe's folder, those in flags from the current directory. " +
    "With --workers, workers compute the cache of the teacher and the calibration statistics.";
  static override args = { recipe: requiredRecipeArg };
  static override flags = {
    ...recipeFlags,
    ...computeFlags,
    only: Flags.string({
      helpValue: "<stage>",
      summary: "Run only this stage; its inputs must exist.",
      exclusive: ["from"],
    }),
    from: Flags.string({ helpValue: "<stage>", summary: "Run this stage and all later ones." }),
    skip: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "<stage>",
      summary: "Skip this stage, as if the recipe had no section for it; repeatable.",
      exclusive: ["only"],
    }),
    ...workersFlags,
  };
  static override examples = [
    "<%= config.bin %> run recipe.yaml",
    "<%= config.bin %> run recipe.yaml --set data.limit=2000 --out runs/small",
    "<%= config.bin %> run recipe.yaml --from tokenizer --dry-run",
    "<%= config.bin %> run recipe.yaml --skip bench",
    "<%= config.bin %> run recipe.yaml --workers redis://queue.example:6379 --storage /mnt/shared",
  ];

  protected override readonly stopping = SAVING;

  protected override async execute(): Promise<RunResult> {
    const { args, flags } = await this.parse(RunCommand);
    const { planPrepared, prepareRecipe, printConfig, runPrepared, withWorkers } =
      await import("@slm/slm/functions/run-recipe");
    const prepared = await prepareRecipe(args.recipe, { ...flags, environment: process.env });
    if (flags["print-config"]) return printConfig(prepared);
    if (flags["dry-run"]) return planPrepared(prepared, this.work);
    // The estimate measures a training step, so it is made only for somebody who watches.
    const estimates = process.stderr.isTTY && !flags.quiet;
    return runPrepared({ ...(await withWorkers(prepared, flags, this.work)), estimates }, this.work);
  }

  protected override lines(result: RunResult): readonly string[] {
    if ("config" in result) return [result.yaml];
    const last = "deploy" in result ? (result.deploy ?? result.stages.at(-1)?.artifact) : undefined;
    const summary = "summary" in result ? summaryLines(result.summary) : [];
    return [...result.stages.flatMap(stageLines), ...summary, ...(last === undefined ? [] : [last])];
  }
}
