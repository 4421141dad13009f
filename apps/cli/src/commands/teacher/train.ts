import { requiredRecipeArg, trainingFlags } from "../../recipe-flags.js";
import type { StageReport } from "../../library/run-stage.js";
import { StageCommand, type StageResult } from "../stage-command.js";

export class TeacherTrainCommand extends StageCommand {
  static override summary = "Run the teacher stage of a recipe. Runs the earlier stages first if needed.";
  static override description =
    "Trains, imports or copies the teacher, by the kind in the 'teacher' section.";
  static override args = { recipe: requiredRecipeArg };
  static override flags = trainingFlags;
  static override examples = [
    "<%= config.bin %> teacher train configs/g2p/teacher.yaml",
    "<%= config.bin %> teacher train configs/g2p/teacher.yaml --no-resume",
  ];

  protected override async execute(): Promise<StageResult> {
    const { args, flags } = await this.parse(TeacherTrainCommand);
    return this.runStage("teacher", args.recipe, flags);
  }

  protected override summarize({ parameters, vocab }: StageReport): string {
    return `${String(parameters)} parameters, ${String(vocab)} tokens`;
  }
}
