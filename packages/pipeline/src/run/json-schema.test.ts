import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { jsonText } from "@slm/core/format";
import { recipeJsonSchema } from "./json-schema.js";

describe(recipeJsonSchema, () => {
  test("equals docs/reference/recipe.schema.json; update it with 'slm schema > docs/reference/recipe.schema.json'", async () => {
    const committed = new URL("../../../../docs/reference/recipe.schema.json", import.meta.url);
    expect(await readFile(committed, "utf8")).toBe(`${jsonText(recipeJsonSchema())}\n`);
  });
});
