import { recipeFlags, requiredRecipeArg } from "../../flags/recipe-flags.js";
import type { StageReport } from "@slm/slm/functions/run-stage";
import { StageCommand, type StageResult } from "../stage-command.js";

export class TokenizerTrainCommand extends StageCommand {
  static override summary = "Train the tokenizer on the training rows. Prepares the data first if needed.";
  static override args = { recipe: requiredRecipeArg };
  static override flags = recipeFlags;
  static override examples = ["<%= config.bin %> tokenizer train recipe.yaml"];

  protected override async execute(): Promise<StageResult> {
    const { args, flags } = await this.parse(TokenizerTrainCommand);
    return this.runStage("tokenizer", args.recipe, flags);
  }

  protected override summarize({ vocab, rows }: StageReport): string {
    return `${String(vocab)} tokens from ${String(rows)} rows`;
  }
}
