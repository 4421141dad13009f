import { Args, Flags } from "@oclif/core";
import { SlmCommand } from "../../slm-command.js";

export interface RecipeMigrateResult {
  readonly recipe: string;
  /** What was changed, or would be: "distill.accumulate is now gradientAccumulationSteps". */
  readonly changes: readonly string[];
  readonly written: boolean;
  /** The recipe with today's keys. */
  readonly text: string;
}

export class RecipeMigrateCommand extends SlmCommand<RecipeMigrateResult> {
  static override summary =
    "Rewrite a recipe of an earlier version with today's keys; comments and layout stay.";
  static override description =
    "Renamed keys and values are replaced in place, and schemaVersion is set. A recipe that is up " +
    "to date is not changed.";
  static override args = {
    recipe: Args.string({ required: true, description: "Recipe file, rewritten in place." }),
  };
  static override flags = {
    "dry-run": Flags.boolean({ summary: "Print the new recipe and write nothing." }),
  };
  static override examples = [
    "<%= config.bin %> recipe migrate recipe.yaml --dry-run",
    "<%= config.bin %> recipe migrate recipe.yaml",
  ];

  protected override async execute(): Promise<RecipeMigrateResult> {
    const { args, flags } = await this.parse(RecipeMigrateCommand);
    const { writeTextAtomic } = await import("@slm/core");
    const { readRecipeText } = await import("../../recipe/recipe-file.js");
    const { migrateRecipe } = await import("../../recipe/migrate.js");
    const { text, changes } = migrateRecipe(await readRecipeText(args.recipe), args.recipe);
    const written = changes.length > 0 && !flags["dry-run"];
    if (written) await writeTextAtomic(args.recipe, text);
    if (flags["dry-run"]) for (const change of changes) this.note(change);
    return { recipe: args.recipe, changes, written, text };
  }

  protected override lines({ recipe, changes, written, text }: RecipeMigrateResult): readonly string[] {
    if (changes.length === 0) return [`${recipe}: up to date`];
    return written ? [...changes, `${recipe}: written`] : [text.trimEnd()];
  }
}
