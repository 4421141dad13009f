import { Flags } from "@oclif/core";
import type { InitAnswers } from "../recipe/recipe-template.js";
import { SIZES } from "../recipe/student-sizes.js";
import { SlmCommand } from "../slm-command.js";

export interface InitResult extends InitAnswers {
  /** The file that was written. */
  readonly recipe: string;
}

export class InitCommand extends SlmCommand<InitResult> {
  static override summary = "Write a new recipe, from flags or by asking questions.";
  static override description =
    "Questions are asked only on a terminal, and only for flags that are missing. Otherwise, and with --yes, --data is required and defaults are used. An existing " +
    "file is not overwritten.";
  static override flags = {
    output: Flags.string({ char: "o", helpValue: "<file>", summary: "File to write. Default: NAME.yaml." }),
    name: Flags.string({ helpValue: "<name>", summary: "Name of the run. Default: my-task." }),
    data: Flags.string({
      helpValue: "<pairs.jsonl>",
      summary: "File of training rows; required where no questions are asked.",
    }),
    size: Flags.option({ options: Object.keys(SIZES) as (keyof typeof SIZES)[] })({
      summary: "Size of the student. Default: tiny.",
    }),
    steps: Flags.integer({
      min: 1,
      helpValue: "<n>",
      summary: "Training steps. Default: depends on the size.",
    }),
    "max-drop": Flags.string({
      helpValue: "<x>",
      summary: "Largest allowed loss of the metric by quantization. Default: 0.02.",
    }),
    yes: Flags.boolean({ char: "y", summary: "Ask nothing." }),
  };
  static override examples = [
    "<%= config.bin %> init --data pairs.jsonl",
    "<%= config.bin %> init --name spelling --data pairs.jsonl --size small -o spelling.yaml --yes",
  ];

  protected override async execute(): Promise<InitResult> {
    const { flags } = await this.parse(InitCommand);
    const { askForRecipe } = await import("../recipe/ask.js");
    const { writeRecipe } = await import("../recipe/recipe-template.js");
    const { output, yes, name, data, size, steps } = flags;
    const isInteractive = !yes && process.stdin.isTTY && process.stderr.isTTY && !this.jsonEnabled();
    const answers = await askForRecipe(
      { name, data, size, steps, maxDrop: flags["max-drop"] },
      isInteractive,
    );
    const recipe = output ?? `${answers.name}.yaml`;
    await writeRecipe(recipe, answers);
    this.note(`next: slm run ${recipe} --dry-run`);
    return { ...answers, recipe };
  }

  protected override lines({ recipe }: InitResult): readonly string[] {
    return [recipe];
  }
}
