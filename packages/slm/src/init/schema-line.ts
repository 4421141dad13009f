/** The comment with which editors complete and check a recipe: it names the JSON Schema of the installed package. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { storedPath } from "@slm/core";

const SCHEMA = join("node_modules", "@encdec", "slm", "recipe.schema.json");

/** The line for the recipe of this path; empty if no folder above it has the package. */
export function schemaLine(recipe: string): string {
  const folder = dirname(resolve(recipe));
  for (let place = folder; ; place = dirname(place)) {
    const schema = join(place, SCHEMA);
    if (existsSync(schema)) return `# yaml-language-server: $schema=${storedPath(folder, schema)}\n`;
    if (dirname(place) === place) return "";
  }
}
