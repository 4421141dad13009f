import { SlmError } from "@slm/core/errors";
import { formatNumber } from "@slm/pipeline/format/format";
import { requiredRecipeArg, trainingFlags } from "../flags/recipe-flags.js";
import type { StageReport } from "@slm/slm/functions/run-stage";
import { workersFlags } from "../flags/workers-flags.js";
import { StageCommand, type StageResult } from "./stage-command.js";

export class DistillCommand extends StageCommand {
  static override summary =
    "Train a recipe's student from its teacher. Runs the earlier stages first if needed.";
  static override description =
    "An interrupted training is resumed, as by 'slm run'; --no-resume starts from the beginning. With --workers, the " +
    "replicas of distill.replicas train on the workers of a Redis, and exchange weights once per round.";
  static override args = { recipe: requiredRecipeArg };
  static override flags = { ...trainingFlags, ...workersFlags };
  static override examples = [
    "<%= config.bin %> distill recipe.yaml",
    "<%= config.bin %> distill recipe.yaml --set distill.steps=500 --engine onnx --threads 2",
    "<%= config.bin %> distill recipe.yaml --set distill.replicas.count=4 --workers redis://queue.example:6379 --storage /mnt/shared",
  ];

  #isByWorkers = false;

  protected override async execute(): Promise<StageResult> {
    const { args, flags } = await this.parse(DistillCommand);
    this.#isByWorkers = flags.workers !== undefined;
    const result = await this.runStage("distill", args.recipe, flags);
    return "artifact" in result ? (await import("@slm/slm/functions/run-stage")).distilled(result) : result;
  }

  protected override checkSections({
    distill,
  }: Readonly<Record<string, { readonly settings: unknown }>>): void {
    const { replicas } = Object(distill?.settings) as { readonly replicas?: unknown };
    if (!this.#isByWorkers || replicas !== undefined) return;
    throw new SlmError(
      "CONFIG_INVALID",
      "distill: workers train replicas of the student, but the recipe has no distill.replicas",
      { suggestions: ["--set distill.replicas.count=2"] },
    );
  }

  protected override summarize({ steps, loss, metrics, tokensPerSecond }: StageReport): string {
    const measured = Object.entries(Object(metrics) as Readonly<Record<string, number>>);
    return [
      `${String(steps)} steps`,
      `loss ${formatNumber(Number(loss))}`,
      ...measured.map(([name, value]) => `${name} ${formatNumber(value)}`),
      `${formatNumber(Number(tokensPerSecond))} tokens/s`,
    ].join("  ");
  }
}
