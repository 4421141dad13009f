import { Flags } from "@oclif/core";
import type { SweepResult } from "@slm/slm/sweep/sweep-recipe";
import { columns } from "@slm/pipeline/format/columns";
import { computeFlags, recipeFlags, requiredRecipeArg } from "../flags/recipe-flags.js";
import { SAVING, SlmCommand } from "../ui/slm-command.js";
import { workersFlags } from "../flags/workers-flags.js";

export class SweepCommand extends SlmCommand<SweepResult> {
  static override summary = "Train a recipe's student with several settings, and find the best.";
  static override description =
    "Each trial is a training of the student with other settings of distill, compared by the first metric on the dev rows. By successive " +
    "halving all trials train for a few steps, the best of them for longer, and the last in full; the schedule is that of a full training " +
    "throughout. The earlier stages are run first if needed; the student of the recipe is not touched. An interrupted sweep goes on. With " +
    "--workers, trials train on the workers of a Redis, with the same numbers.";
  static override args = { recipe: requiredRecipeArg };
  static override flags = {
    vary: Flags.string({
      required: true,
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "<key=a,b|low..high>",
      summary: "A setting of distill with the values to try, or a range to draw from; may be repeated.",
    }),
    trials: Flags.integer({
      min: 1,
      max: 10_000,
      helpValue: "<n>",
      summary: "Draw so many different trials. Default: every combination of the values.",
    }),
    eta: Flags.integer({
      min: 1,
      max: 100,
      default: 4,
      helpValue: "<n>",
      summary: "One of so many trials goes on, for so many times the steps; 1: every trial trains in full.",
    }),
    set: recipeFlags.set,
    out: recipeFlags.out,
    ...computeFlags,
    ...workersFlags,
  };
  static override examples = [
    "<%= config.bin %> sweep recipe.yaml --vary distill.learningRate=1e-3,3e-3,1e-2 --vary distill.dropout=0,0.1",
    "<%= config.bin %> sweep recipe.yaml --vary distill.learningRate=1e-4..1e-2 --trials 16",
    "<%= config.bin %> sweep recipe.yaml --vary distill.learningRate=1e-4..1e-2 --trials 64 --workers redis://queue.example:6379 --storage /mnt/shared",
  ];

  protected override readonly stopping = SAVING;

  protected override async execute(): Promise<SweepResult> {
    const { args, flags } = await this.parse(SweepCommand);
    const { sweepRecipe } = await import("@slm/slm/sweep/sweep-recipe");
    const { workersOf } = await import("@slm/pipeline/workers/workers-address");
    const workers = await workersOf(flags);
    return sweepRecipe(args.recipe, { ...flags, environment: process.env, workers }, this.work);
  }

  protected override lines({ best, trials, rungs, steps, report }: SweepResult): readonly string[] {
    const keys = Object.keys(best.settings);
    const names = Object.keys(best.metrics);
    const rows = trials.map(({ trial, settings, measured }) => {
      const last = measured.at(-1);
      const values = names.map((name) =>
        last?.failure === null ? String(Number((last.metrics[name] ?? 0).toPrecision(4))) : "diverged",
      );
      return [String(trial), ...keys.map((key) => settings[key]!), String(last?.steps ?? 0), ...values];
    });
    const full = trials.length * (rungs.at(-1)?.steps ?? 0);
    return [
      ...columns(["trial", ...keys.map((key) => key.replace(/^distill\./u, "")), "steps", ...names], rows),
      "",
      `trial ${best.trial} is the best; ${steps} steps trained, ${full} without early stops`,
      keys.map((key) => `--set ${key}=${best.settings[key]!}`).join(" "),
      report,
    ];
  }
}
