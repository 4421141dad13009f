import { Flags } from "@oclif/core";
import { SlmError } from "@slm/core/errors";
import type { RatePoint, SuggestedRate } from "../learning-rate/suggest-rate.js";
import { columns } from "../ui/columns.js";
import { formatNumber } from "../ui/format.js";
import { computeFlags, recipeFlags, requiredRecipeArg } from "../recipe-flags.js";
import { SlmCommand } from "../slm-command.js";

export interface LearningRateResult extends SuggestedRate {
  /** The mean loss of the steps up to each rate, in order of rising rates. */
  readonly points: readonly RatePoint[];
  /** The page with the curve; null where none was asked for. */
  readonly report: string | null;
}

const rateFlag = Flags.custom<number>({
  parse: (text) => {
    const rate = Number(text);
    return rate > 0 && Number.isFinite(rate)
      ? Promise.resolve(rate)
      : Promise.reject(new SlmError("USAGE", `expected a learning rate above 0, got ${text}`));
  },
  helpValue: "<rate>",
});

export class LearningRateCommand extends SlmCommand<LearningRateResult> {
  static override summary = "Find a learning rate for a recipe's student by a range test.";
  static override description =
    "A short training starts with a very low rate, which rises with every step until the loss does. The earlier stages are run first " +
    "if needed; the student of the recipe is not touched. The suggestion suits a schedule with warm-up and decay.";
  static override args = { recipe: requiredRecipeArg };
  static override flags = {
    steps: Flags.integer({ default: 400, min: 100, helpValue: "<n>", summary: "Steps of the test." }),
    lowest: rateFlag({ default: 1e-6, summary: "The first rate." }),
    highest: rateFlag({ default: 1, summary: "The last rate." }),
    report: Flags.string({ helpValue: "<file>", summary: "Write a page with the curve." }),
    set: recipeFlags.set,
    out: recipeFlags.out,
    ...computeFlags,
  };
  static override examples = [
    "<%= config.bin %> learning-rate recipe.yaml",
    "<%= config.bin %> learning-rate recipe.yaml --set distill.optimizer=muon --report rates.html",
  ];

  protected override async execute(): Promise<LearningRateResult> {
    const { args, flags } = await this.parse(LearningRateCommand);
    const { rangeTest } = await import("../learning-rate/range-test.js");
    const { suggestRate } = await import("../learning-rate/suggest-rate.js");
    const points = await rangeTest(args.recipe, { ...flags, environment: process.env }, this.work);
    const suggested = suggestRate(points);
    if (flags.report !== undefined) await writePage(flags.report, points, suggested);
    return { ...suggested, points, report: flags.report ?? null };
  }

  protected override lines({
    learningRate,
    lowestAt,
    divergesAt,
    points,
    report,
  }: LearningRateResult): readonly string[] {
    const rows = points.map((point) => [formatRate(point.learningRate), formatNumber(point.loss)]);
    return [
      ...columns(["learning rate", "loss"], rows),
      "",
      `lowest loss at ${formatRate(lowestAt)}, ` +
        (divergesAt === null
          ? "no divergence up to the last rate"
          : `far above it from ${formatRate(divergesAt)} on`),
      `--set distill.learningRate=${formatRate(learningRate)}`,
      ...(report === null ? [] : [report]),
    ];
  }
}

const formatRate = (rate: number): string => Number(rate.toPrecision(2)).toExponential();

async function writePage(
  file: string,
  points: readonly RatePoint[],
  { learningRate, lowestAt }: SuggestedRate,
): Promise<void> {
  const { writeTextAtomic } = await import("@slm/core");
  const { lineChart, reportPage } = await import("@slm/report");
  const svg = await lineChart({
    title: "Loss while the learning rate rises",
    xLabel: "learning rate",
    yLabel: "loss [nats per token]",
    logX: true,
    series: [{ name: "loss", points: points.map((point) => [point.learningRate, point.loss] as const) }],
  });
  const headline = [
    { label: "suggested learning rate", value: formatRate(learningRate) },
    { label: "lowest loss at", value: formatRate(lowestAt) },
  ];
  await writeTextAtomic(
    file,
    reportPage({ title: "Learning rate", headline, sections: [{ heading: "Range test", svg }] }),
  );
}
