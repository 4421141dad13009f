import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { schemaLine } from "./schema-line.js";

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-schema-line-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

test("a recipe names the schema of the package that is installed in a folder above it", async () => {
  const recipe = join(root, "recipes", "dates.yaml");
  expect(schemaLine(recipe)).toBe("");
  const installed = join(root, "node_modules", "@encdec", "slm");
  await mkdir(installed, { recursive: true });
  await writeFile(join(installed, "recipe.schema.json"), "{}");
  const line = "# yaml-language-server: $schema=../node_modules/@encdec/slm/recipe.schema.json\n";
  expect(schemaLine(recipe)).toBe(line);
});
