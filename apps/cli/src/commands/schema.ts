import { SlmCommand } from "../ui/slm-command.js";
import { jsonText } from "@slm/core/format";

export interface SchemaResult {
  /** JSON Schema 2020-12. */
  readonly schema: object;
}

export class SchemaCommand extends SlmCommand<SchemaResult> {
  static override summary = "Print the JSON Schema of recipes, for editors and checks.";
  static override description =
    "With '# yaml-language-server: $schema=recipe.schema.json' at the top of a recipe, editors complete and check " +
    "every setting. In a project with slm, 'slm init' writes that line.";
  static override examples = ["<%= config.bin %> schema > recipe.schema.json"];

  protected override async execute(): Promise<SchemaResult> {
    await this.parse(SchemaCommand);
    const { recipeSchema } = await import("@slm/slm/functions/run-recipe");
    return { schema: recipeSchema() };
  }

  protected override lines({ schema }: SchemaResult): readonly string[] {
    return [jsonText(schema)];
  }
}
