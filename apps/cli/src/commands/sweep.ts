import { Flags } from "@oclif/core";
import { SlmError } from "@slm/core/errors";
import type { MetricInterval } from "@slm/metrics";
import type { CompareResult } from "@slm/slm/sweep/compare-variants";
import type { SweepResult } from "@slm/slm/sweep/sweep-recipe";
import { columns } from "@slm/pipeline/format/columns";
import { intervalText } from "../ui/evaluation-lines.js";
import { formatGrouped, formatSeconds } from "@slm/pipeline/format/format";
import { formatMetric } from "@slm/pipeline/format/metric-format";
import { computeFlags, recipeFlags, requiredRecipeArg } from "../flags/recipe-flags.js";
import { SAVING, SlmCommand } from "../ui/slm-command.js";
import { workersFlags } from "../flags/workers-flags.js";

export class SweepCommand extends SlmCommand<SweepResult | CompareResult> {
  static override summary = "Train variants of a recipe, and compare them or search for the best settings.";
  static override description =
    "With --variant, slm trains each variant in full with each seed and measures it on the test rows. A table shows the mean of each " +
    "metric with its 95 % interval, and the difference from the first variant (paired bootstrap over rows and seeds). Variants with " +
    "equal settings share the stages before the student. Finished variants are not repeated, so you can interrupt and extend the command. " +
    "To see whether a teacher helps, compare labels only, the teacher's labels and its distributions, as in the first example.\n\n" +
    "With --vary, each trial trains the student with other settings of distill. The first metric on the dev rows ranks them. Successive " +
    "halving trains all trials for a few steps, the best for longer, and the last in full; all use the schedule of a full training. " +
    "slm runs the earlier stages first if needed, and leaves the recipe's own student unchanged. An interrupted sweep resumes. With " +
    "--workers, trials train on workers, with the same results.";
  static override args = { recipe: requiredRecipeArg };
  static override flags = {
    variant: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      exactlyOne: ["variant", "vary"],
      helpValue: "<name[:key=value;...]>",
      summary:
        "Compare this variant: the recipe with other settings of any section, or unchanged; repeatable.",
    }),
    seeds: Flags.string({
      helpValue: "<n,n>",
      dependsOn: ["variant"],
      summary: "Train each variant with these seeds. Default: the recipe's seed.",
    }),
    limit: Flags.integer({
      min: 1,
      helpValue: "<n>",
      dependsOn: ["variant"],
      summary: "Measure variants on only this many test rows, from the start of the file. Default: all.",
    }),
    vary: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "<key=a,b|low..high>",
      summary: "Vary this setting of distill over values, or draw it from a range; repeatable.",
    }),
    trials: Flags.integer({
      dependsOn: ["vary"],
      min: 1,
      max: 10_000,
      helpValue: "<n>",
      summary: "Draw this many different trials. Default: every combination of the values.",
    }),
    eta: Flags.integer({
      min: 1,
      max: 100,
      default: 4,
      helpValue: "<n>",
      summary: "Continue one in n trials, for n times the steps; 1: train every trial in full.",
    }),
    set: recipeFlags.set,
    out: recipeFlags.out,
    ...computeFlags,
    ...workersFlags,
  };
  static override examples = [
    "<%= config.bin %> sweep recipe.yaml --seeds 1,2,3 --variant 'labels:teacher=null;cache=null;distill.loss.forwardKl=0' --variant 'teacher-labels:cache.distributions=none;distill.loss.forwardKl=0' --variant distributions",
    "<%= config.bin %> sweep recipe.yaml --vary distill.learningRate=1e-3,3e-3,1e-2 --vary distill.dropout=0,0.1",
    "<%= config.bin %> sweep recipe.yaml --vary distill.learningRate=1e-4..1e-2 --trials 16",
    "<%= config.bin %> sweep recipe.yaml --vary distill.learningRate=1e-4..1e-2 --trials 64 --workers redis://queue.example:6379 --storage /mnt/shared",
  ];

  protected override readonly stopping = SAVING;

  protected override async execute(): Promise<SweepResult | CompareResult> {
    const { args, flags } = await this.parse(SweepCommand);
    const { workersOf } = await import("@slm/pipeline/workers/workers-address");
    const workers = await workersOf(flags, (text) => {
      this.note(text);
    });
    const environment = process.env;
    const { variant, vary = [] } = flags;
    if (variant === undefined) {
      const { sweepRecipe } = await import("@slm/slm/sweep/sweep-recipe");
      return sweepRecipe(args.recipe, { ...flags, vary, environment, workers }, this.work);
    }
    if (workers !== undefined)
      throw new SlmError("USAGE", "sweep: --workers works with --vary, not with --variant", {
        suggestions: ["leave out --workers", "--vary distill.learningRate=1e-3,3e-3"],
      });
    const { compareVariants } = await import("@slm/slm/sweep/compare-variants");
    return compareVariants(args.recipe, { ...flags, variant, environment }, this.work);
  }

  protected override lines(result: SweepResult | CompareResult): readonly string[] {
    return "variants" in result ? this.#comparison(result) : this.#search(result);
  }

  #comparison({ variants, seeds, rows, metrics, report }: CompareResult): readonly string[] {
    const [first] = variants;
    const interval = (name: string, { value, low, high }: MetricInterval): string =>
      `${formatMetric(name, value)}${intervalText(name, { low, high })}`;
    return [
      ...columns(
        [
          "variant",
          ...metrics.flatMap((name) => [name, `${name} against ${first!.name}`]),
          "parameters",
          "training",
        ],
        variants.map(({ name, metrics: values, difference, parameters, seconds }) => [
          name,
          ...metrics.flatMap((metric) => [
            interval(metric, values[metric]!),
            difference === null ? "" : interval(metric, difference[metric]!),
          ]),
          formatGrouped(parameters),
          formatSeconds(seconds),
        ]),
      ),
      "",
      `${rows} rows, ${seeds.length === 1 ? "one seed" : `${seeds.length} seeds`}; 95 % intervals by bootstrap, differences paired by rows`,
      report,
    ];
  }

  #search({ best, trials, rungs, steps, report }: SweepResult): readonly string[] {
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
      `trial ${best.trial} is the best; ${steps} steps trained, ${full} without early stopping`,
      keys.map((key) => `--set ${key}=${best.settings[key]!}`).join(" "),
      report,
    ];
  }
}
