import { Flags } from "@oclif/core";
import type { MetricInterval } from "@slm/metrics";
import type { CompareResult } from "@slm/slm/sweep/compare-variants";
import { columns } from "@slm/core/format";
import { intervalText } from "../ui/evaluation-lines.js";
import { formatGrouped, formatSeconds } from "@slm/core/format";
import { formatMetric } from "@slm/metrics/format";
import { computeFlags, recipeFlags, requiredRecipeArg } from "../flags/recipe-flags.js";
import { SAVING, SlmCommand } from "../ui/slm-command.js";

export class SweepCommand extends SlmCommand<CompareResult> {
  static override summary = "Train variants of a recipe, and compare them.";
  static override description =
    "slm trains each variant in full with each seed and measures it on the test rows. A table shows the mean of each " +
    "metric with its 95 % interval, and the difference from the first variant (paired bootstrap over rows and seeds). Variants with " +
    "equal settings share the stages before the student. Finished variants are not repeated, so you can interrupt and extend the command. " +
    "To see whether a teacher helps, compare labels only, the teacher's labels and its distributions, as in the example.";
  static override args = { recipe: requiredRecipeArg };
  static override flags = {
    variant: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      required: true,
      helpValue: "<name[:key=value;...]>",
      summary:
        "Compare this variant: the recipe with other settings of any section, or unchanged; repeatable.",
    }),
    seeds: Flags.string({
      helpValue: "<n,n>",
      summary: "Train each variant with these seeds. Default: the recipe's seed.",
    }),
    limit: Flags.integer({
      min: 1,
      helpValue: "<n>",
      summary: "Measure variants on only this many test rows, from the start of the file. Default: all.",
    }),
    set: recipeFlags.set,
    out: recipeFlags.out,
    ...computeFlags,
  };
  static override examples = [
    "<%= config.bin %> sweep recipe.yaml --seeds 1,2,3 --variant 'labels:teacher=null;cache=null;distill.loss.forwardKl=0' --variant 'teacher-labels:cache.distributions=none;distill.loss.forwardKl=0' --variant distributions",
  ];

  protected override readonly stopping = SAVING;

  protected override async execute(): Promise<CompareResult> {
    const { args, flags } = await this.parse(SweepCommand);
    const { compareVariants } = await import("@slm/slm/sweep/compare-variants");
    return compareVariants(args.recipe, { ...flags, environment: process.env }, this.work);
  }

  protected override lines({ variants, seeds, rows, metrics, report }: CompareResult): readonly string[] {
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
}
