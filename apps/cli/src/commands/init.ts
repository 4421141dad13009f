import { Flags } from "@oclif/core";
import type { InitAnswers } from "@slm/slm/init/recipe-template";
import { SIZES } from "@slm/slm/init/init-sizes";
import { shellWord } from "@slm/core/errors";
import { SlmCommand } from "../ui/slm-command.js";

export interface InitResult extends InitAnswers {
  /** The new file. */
  readonly recipe: string;
  /** Number of rows read. */
  readonly rows: number;
  /** Records that could not be read as rows. */
  readonly rejected: number;
  readonly tokenizer: "bpe" | "symbols";
  readonly metric: string;
}

export class InitCommand extends SlmCommand<InitResult> {
  static override summary = "Write a new recipe, from flags or by asking questions.";
  static override description =
    "Reads the rows, and chooses settings, a tokenizer and a metric that suit their columns, encoding and lengths. On a terminal, slm asks " +
    "for flags that are missing. Elsewhere, and with --yes, --data is required, columns are guessed by name, and other flags have defaults. " +
    "An existing file is not overwritten. Relative paths in a recipe start from the recipe's folder.";
  static override flags = {
    output: Flags.string({
      char: "o",
      helpValue: "<file>",
      summary: "Write to this file. Default: NAME.yaml.",
    }),
    name: Flags.string({ helpValue: "<name>", summary: "Give the run this name. Default: my-task." }),
    data: Flags.string({
      helpValue: "<pairs.csv>",
      summary: "Read training rows from this file.",
    }),
    source: Flags.string({
      helpValue: "<column>",
      summary: "Read sources from this column. Default: guessed by name.",
    }),
    target: Flags.string({
      helpValue: "<column>",
      summary: "Read targets from this column. Default: guessed by name.",
    }),
    size: Flags.option({ options: Object.keys(SIZES) as (keyof typeof SIZES)[] })({
      summary: "Train a student of this size. Default: tiny.",
    }),
    steps: Flags.integer({
      min: 1,
      helpValue: "<n>",
      summary: "Train for this many steps. Default: depends on the size.",
    }),
    "max-drop": Flags.string({
      helpValue: "<x>",
      summary: "Allow quantization to worsen the metric by this much. Default: 0.02.",
    }),
    yes: Flags.boolean({ char: "y", summary: "Ask no questions." }),
  };
  static override examples = [
    "<%= config.bin %> init --data pairs.csv --source text --target label --yes",
    "<%= config.bin %> init --name spelling --data pairs.jsonl --size small -o spelling.yaml --yes",
  ];

  protected override async execute(): Promise<InitResult> {
    const { flags } = await this.parse(InitCommand);
    const { askForRecipe } = await import("../ui/ask.js");
    const { writeRecipe } = await import("@slm/slm/init/recipe-template");
    const { output, yes, name, data, source, target, size, steps } = flags;
    const isInteractive = !yes && process.stdin.isTTY && process.stderr.isTTY && !this.jsonEnabled();
    const answers = await askForRecipe(
      { name, data, source, target, size, steps, maxDrop: flags["max-drop"] },
      isInteractive,
    );
    const recipe = output ?? `${answers.name}.yaml`;
    const facts = await writeRecipe(recipe, answers);
    const { rows, rejected, metric, tokenizer } = facts;
    const columns =
      answers.fields === undefined ? "" : `, ${answers.fields.source} -> ${answers.fields.target}`;
    this.note(`${rows} rows${columns}; tokenizer ${tokenizer.kind}, metric ${metric}`);
    if (rejected !== undefined)
      this.note(
        `${rejected.count} of ${rows + rejected.count} records cannot be read and are left out; ${rejected.first}`,
      );
    this.note(`next: slm run ${shellWord(recipe)} --dry-run`);
    return { ...answers, recipe, rows, rejected: rejected?.count ?? 0, metric, tokenizer: tokenizer.kind };
  }

  protected override lines({ recipe }: InitResult): readonly string[] {
    return [recipe];
  }
}
