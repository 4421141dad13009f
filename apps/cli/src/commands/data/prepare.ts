import { recipeArg, recipeFlags } from "../../flags/recipe-flags.js";
import type { StageReport } from "@slm/slm/functions/run-stage";
import { StageCommand, type StageResult } from "../stage-command.js";

export class DataPrepareCommand extends StageCommand {
  static override summary = "Read rows, split them into train, dev and test.";
  static override description =
    "Settings come from the recipe's 'data' section. Without a recipe, they come from --set and the defaults.";
  static override args = { recipe: recipeArg };
  static override flags = recipeFlags;
  static override examples = [
    "<%= config.bin %> data prepare recipe.yaml",
    "<%= config.bin %> data prepare --set data.train=words.jsonl --out runs/words",
    `<%= config.bin %> data prepare --set data.train=a.csv --set "data.fields={source: text, target: label}" --out runs/a`,
  ];

  protected override async execute(): Promise<StageResult> {
    const { args, flags } = await this.parse(DataPrepareCommand);
    return this.runStage("data", args.recipe, flags);
  }

  protected override summarize(report: StageReport): string {
    const { rows, rejectedCount, duplicates, nearDuplicates, labels, augmented } = report;
    const repeated = Number(duplicates) + Number(nearDuplicates);
    const parts = [`${String(rows)} rows`, `${String(rejectedCount)} rejected`, `${repeated} duplicates`];
    if (labels !== undefined) {
      const { labelled, unlabelled } = Object(labels) as Readonly<Record<string, number>>;
      parts.push(`${labelled} labels`, `${unlabelled} training sources without a label`);
    }
    if (augmented !== undefined) parts.push(`${Number(augmented)} augmented`);
    return parts.join(", ");
  }
}
