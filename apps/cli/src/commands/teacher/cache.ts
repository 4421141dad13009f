import { formatCount, formatNumber } from "@slm/core/format";
import { requiredRecipeArg, trainingFlags } from "../../flags/recipe-flags.js";
import { workersFlags } from "../../flags/workers-flags.js";
import type { StageReport } from "@slm/slm/functions/run-stage";
import { StageCommand, type StageResult } from "../stage-command.js";

export class TeacherCacheCommand extends StageCommand {
  static override summary =
    "Store the teacher's distributions over every target. Runs the earlier stages first if needed.";
  static override description =
    "Distillation then reads the teacher's distributions from disk. The teacher also labels unlabelled sources. Resumes an " +
    "interrupted run, like 'slm run'; --no-resume starts from the beginning. With --workers, workers score the rows; the cache is identical " +
    "to the byte. Rows that crash every worker are written to teacher-unscored.jsonl and are not used for training.";
  static override args = { recipe: requiredRecipeArg };
  static override flags = { ...trainingFlags, ...workersFlags };
  static override examples = [
    "<%= config.bin %> teacher cache recipe.yaml",
    "<%= config.bin %> teacher cache recipe.yaml --set cache.k=20",
    "<%= config.bin %> teacher cache recipe.yaml --workers redis://queue.example:6379 --storage /mnt/shared",
  ];

  protected override async execute(): Promise<StageResult> {
    const { args, flags } = await this.parse(TeacherCacheCommand);
    const result = await this.runStage("cache", args.recipe, flags);
    return "artifact" in result ? { ...result, cache: result.artifact } : result;
  }

  protected override summarize({
    tokens,
    bytesPerToken,
    truncation,
    labelled,
    unscored,
  }: StageReport): string {
    const parts = [];
    if (unscored !== undefined) parts.push(`${Number(unscored)} rows set aside`);
    if (labelled !== undefined) {
      const { kept, sources } = Object(labelled) as Readonly<Record<string, number>>;
      parts.push(`${kept} of ${sources} sources labelled`);
    }
    if (truncation === undefined) return [...parts, "no distributions"].join("  ");
    const { meanKl } = Object(truncation) as Readonly<Record<string, number>>;
    return [
      ...parts,
      `${formatCount(Number(tokens))} tokens`,
      `${formatNumber(Number(bytesPerToken))} bytes per token`,
      `${formatNumber(Number(meanKl))} nats KL from the teacher`,
    ].join("  ");
  }
}
