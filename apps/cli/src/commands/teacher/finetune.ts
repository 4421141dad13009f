import { Flags } from "@oclif/core";
import { SlmError } from "@slm/core/errors";
import { requiredRecipeArg, trainingFlags } from "../../recipe-flags.js";
import type { StageReport } from "../../library/run-stage.js";
import { StageCommand, type StageResult } from "../stage-command.js";

export class TeacherFinetuneCommand extends StageCommand {
  static override summary =
    "Fine-tune a recipe's teacher on the task's rows with LoRA, merged into its weights.";
  static override description =
    "For teachers of kind import or checkpoint, with the settings of teacher.finetune. The text of teacher.prompt is added around " +
    "every source. The result is the recipe's teacher, which 'slm run' then uses.";
  static override args = { recipe: requiredRecipeArg };
  static override flags = {
    ...trainingFlags,
    steps: Flags.integer({ min: 1, summary: "The same as --set teacher.finetune.steps." }),
  };
  static override examples = [
    "<%= config.bin %> teacher finetune recipe.yaml",
    "<%= config.bin %> teacher finetune recipe.yaml --steps 500 --set teacher.finetune.lora.rank=16",
  ];

  protected override async execute(): Promise<StageResult> {
    const { args, flags } = await this.parse(TeacherFinetuneCommand);
    const steps = flags.steps === undefined ? [] : [`teacher.finetune.steps=${flags.steps}`];
    return this.runStage("teacher", args.recipe, { ...flags, set: [...flags.set, ...steps] });
  }

  protected override checkSections({
    teacher: section,
  }: Readonly<Record<string, { readonly settings: unknown }>>): void {
    const teacher = section?.settings;
    if (
      typeof teacher === "object" &&
      teacher !== null &&
      "finetune" in teacher &&
      teacher.finetune !== undefined
    )
      return;
    throw new SlmError("CONFIG_INVALID", "teacher finetune: the recipe has no teacher.finetune", {
      suggestions: ["slm teacher finetune RECIPE --steps 500", "slm teacher train RECIPE"],
    });
  }

  protected override summarize({ parameters, finetuned }: StageReport): string {
    const { steps, metrics } = Object(finetuned) as { readonly steps: number; readonly metrics: object };
    const measured = Object.entries(metrics).map(([name, value]) => `${name} ${Number(value).toFixed(4)}`);
    return [`${String(parameters)} parameters`, `${steps} steps`, ...measured].join("  ");
  }
}
