import { formatNumber } from "@slm/core/format";
import { requiredRecipeArg, trainingFlags } from "../flags/recipe-flags.js";
import type { StageReport } from "@slm/slm/functions/run-stage";
import { StageCommand, type StageResult } from "./stage-command.js";

export class DistillCommand extends StageCommand {
  static override summary =
    "Train a recipe's student from its teacher. Runs the earlier stages first if needed.";
  static override description =
    "Resumes an interrupted training, like 'slm run'. --no-resume starts from the beginning.";
  static override args = { recipe: requiredRecipeArg };
  static override flags = trainingFlags;
  static override examples = [
    "<%= config.bin %> distill recipe.yaml",
    "<%= config.bin %> distill recipe.yaml --set distill.steps=500 --engine onnx --threads 2",
  ];

  protected override async execute(): Promise<StageResult> {
    const { args, flags } = await this.parse(DistillCommand);
    const result = await this.runStage("distill", args.recipe, flags);
    return "artifact" in result ? (await import("@slm/slm/functions/run-stage")).distilled(result) : result;
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
