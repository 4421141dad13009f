import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { expect, test } from "vitest";
import { schemaLine } from "./schema-line.js";

const root = temporaryFolder();

test("a recipe names the schema of the package that is installed in a folder above it", async () => {
  const recipe = join(root, "recipes", "dates.yaml");
  expect(schemaLine(recipe)).toBe("");
  const installed = join(root, "node_modules", "@encdec", "slm");
  await mkdir(installed, { recursive: true });
  await writeFile(join(installed, "recipe.schema.json"), "{}");
  const line = "# yaml-language-server: $schema=../node_modules/@encdec/slm/recipe.schema.json\n";
  expect(schemaLine(recipe)).toBe(line);
});
