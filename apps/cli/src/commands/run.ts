import { Flags } from "@oclif/core";
import type { PlannedStage, StageOutcome } from "../pipeline/run-pipeline.js";
import { stageLine } from "../output/stage-line.js";
import type { PrintedConfig } from "../pipeline-run.js";
import { computeFlags, computeSets, recipeFlags, requiredRecipeArg } from "../recipe-flags.js";
import { SlmCommand } from "../slm-command.js";

export interface RunReport {
  readonly stages: readonly StageOutcome[];
  /** Directory of the bundle; null if the recipe has no `deploy` section or this run stopped before it. */
  readonly deploy: string | null;
}

export interface RunPlan {
  readonly stages: readonly PlannedStage[];
}

type RunResult = RunReport | RunPlan | PrintedConfig;

export class RunCommand extends SlmCommand<RunResult> {
  static override summary = "Run a recipe: every stage in order, skipping those that are up to date.";
  static override description =
    "A killed run is resumed by the same command. Relative paths in a recipe are relative to the current directory.";
  static override args = { recipe: requiredRecipeArg };
  static override flags = {
    ...recipeFlags,
    ...computeFlags,
    only: Flags.string({
      helpValue: "<stage>",
      summary: "Do one stage; its inputs must be there.",
      exclusive: ["from"],
    }),
    from: Flags.string({ helpValue: "<stage>", summary: "Do a stage and all after it." }),
  };
  static override examples = [
    "<%= config.bin %> run configs/quickstart/recipe.yaml",
    "<%= config.bin %> run configs/quickstart/recipe.yaml --set data.limit=2000 --out runs/small",
    "<%= config.bin %> run configs/quickstart/recipe.yaml --from tokenizer --dry-run",
  ];

  protected override async execute(): Promise<RunResult> {
    const { args, flags } = await this.parse(RunCommand);
    const { preparePipeline, printConfig } = await import("../pipeline-run.js");
    const { planPipeline, runPipeline } = await import("../pipeline/run-pipeline.js");
    const options = await preparePipeline({
      recipe: { path: args.recipe, sets: [...flags.set, ...computeSets(flags)], environment: process.env },
      out: flags.out,
      force: flags.force,
      ...(flags.only === undefined ? {} : { only: flags.only }),
      ...(flags.from === undefined ? {} : { from: flags.from }),
    });
    if (flags["print-config"]) return printConfig(options.recipe);
    if (flags["dry-run"]) return { stages: await planPipeline(options) };
    const stages = await runPipeline(options, this.context(options.recipe.seed));
    return { stages, deploy: stages.find(({ name }) => name === "deploy")?.artifact ?? null };
  }

  protected override lines(result: RunResult): readonly string[] {
    if ("config" in result) return [result.yaml];
    const last = "deploy" in result ? (result.deploy ?? result.stages.at(-1)?.artifact) : undefined;
    return [...result.stages.map(stageLine), ...(last === undefined ? [] : [last])];
  }
}
