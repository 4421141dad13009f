import { Flags } from "@oclif/core";
import { requiredRecipeArg, trainingFlags } from "../../flags/recipe-flags.js";
import type { StageReport } from "@slm/slm/functions/run-stage";
import { StageCommand, type StageResult } from "../stage-command.js";

export class TeacherTrainCommand extends StageCommand {
  static override aliases = ["teacher:finetune"];
  static override summary = "Train, fine-tune, import or copy the teacher of a recipe.";
  static override description =
    "Runs the teacher stage, and the earlier stages first if needed. A teacher of kind import or checkpoint with teacher.finetune is " +
    "fine-tuned on the task's rows with LoRA, which is merged into its weights. teacher.prompt is added around every source. " +
    "'slm run' then uses the result.";
  static override args = { recipe: requiredRecipeArg };
  static override flags = {
    ...trainingFlags,
    steps: Flags.integer({
      min: 1,
      summary: "Fine-tune for this many steps, like --set teacher.finetune.steps.",
    }),
  };
  static override examples = [
    "<%= config.bin %> teacher train configs/g2p/teacher.yaml",
    "<%= config.bin %> teacher finetune recipe.yaml --steps 500 --set teacher.finetune.learningRate=0.001",
  ];

  protected override async execute(): Promise<StageResult> {
    const { args, flags } = await this.parse(TeacherTrainCommand);
    const steps = flags.steps === undefined ? [] : [`teacher.finetune.steps=${flags.steps}`];
    return this.runStage("teacher", args.recipe, { ...flags, set: [...flags.set, ...steps] });
  }

  protected override summarize({ parameters, vocab, finetuned }: StageReport): string {
    const size = [`${String(parameters)} parameters`, `${String(vocab)} tokens`];
    if (finetuned === undefined) return size.join(", ");
    const { steps, metrics } = Object(finetuned) as { readonly steps: number; readonly metrics: object };
    const measured = Object.entries(metrics).map(([name, value]) => `${name} ${Number(value).toFixed(4)}`);
    return [...size, `${steps} steps`, ...measured].join("  ");
  }
}
