import { Flags } from "@oclif/core";
import type { InitAnswers } from "@slm/slm/init/recipe-template";
import { SIZES } from "@slm/slm/init/init-sizes";
import { SlmCommand } from "../ui/slm-command.js";

export interface InitResult extends InitAnswers {
  /** The file that was written. */
  readonly recipe: string;
  /** Rows that were read. */
  readonly rows: number;
  readonly tokenizer: "bpe" | "symbols";
  readonly metric: string;
}

export class InitCommand extends SlmCommand<InitResult> {
  static override summary = "Write a new recipe, from flags or by asking questions.";
  static override description =
    "Reads the file of rows: its columns, encoding and lengths decide what the recipe says, and the tokenizer and the metric suit them. Questions are asked only on a " +
    "terminal, and only for flags that are missing. Otherwise, and with --yes, --data is required, columns are guessed by their names, and defaults are used. " +
    "An existing file is not overwritten. Paths in a recipe start from its folder.";
  static override flags = {
    output: Flags.string({ char: "o", helpValue: "<file>", summary: "File to write. Default: NAME.yaml." }),
    name: Flags.string({ helpValue: "<name>", summary: "Name of the run. Default: my-task." }),
    data: Flags.string({
      helpValue: "<pairs.csv>",
      summary:
        "File of training rows, or hub:org/name[/file] of a data set to fetch; required where no questions are asked.",
    }),
    source: Flags.string({ helpValue: "<column>", summary: "Column of the source. Default: by its name." }),
    target: Flags.string({ helpValue: "<column>", summary: "Column of the target. Default: by its name." }),
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
    "<%= config.bin %> init --data pairs.csv --source text --target label --yes",
    "<%= config.bin %> init --name spelling --data pairs.jsonl --size small -o spelling.yaml --yes",
  ];

  protected override async execute(): Promise<InitResult> {
    const { flags } = await this.parse(InitCommand);
    const { askForRecipe } = await import("../ui/ask.js");
    const { writeRecipe } = await import("@slm/slm/init/recipe-template");
    const { fetchDataset } = await import("@slm/slm/models/fetch-dataset");
    const { output, yes, name, data, source, target, size, steps } = flags;
    const isInteractive = !yes && process.stdin.isTTY && process.stderr.isTTY && !this.jsonEnabled();
    const answers = await askForRecipe(
      { name, data, source, target, size, steps, maxDrop: flags["max-drop"] },
      isInteractive,
      (hubName) => fetchDataset(hubName, this.work),
    );
    const recipe = output ?? `${answers.name}.yaml`;
    const facts = await writeRecipe(recipe, answers);
    const { rows, metric, tokenizer } = facts;
    const columns =
      answers.fields === undefined ? "" : `, ${answers.fields.source} -> ${answers.fields.target}`;
    this.note(`${rows} rows${columns}; tokenizer ${tokenizer.kind}, metric ${metric}`);
    this.note(`next: slm run ${recipe} --dry-run`);
    return { ...answers, recipe, rows, metric, tokenizer: tokenizer.kind };
  }

  protected override lines({ recipe }: InitResult): readonly string[] {
    return [recipe];
  }
}
