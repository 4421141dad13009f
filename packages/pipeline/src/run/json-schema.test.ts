import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { jsonText } from "../format/json-text.js";
import { recipeJsonSchema } from "./json-schema.js";

describe(recipeJsonSchema, () => {
  test("equals docs/reference/recipe.schema.json; update it with 'slm schema > docs/reference/recipe.schema.json'", async () => {
    const committed = new URL("../../../../docs/reference/recipe.schema.json", import.meta.url);
    expect(await readFile(committed, "utf8")).toBe(`${jsonText(await recipeJsonSchema())}\n`);
  });

  test("has every section, describes settings, and rejects unknown ones", async () => {
    const { properties, additionalProperties } = (await recipeJsonSchema()) as {
      properties: Record<string, { anyOf?: { properties?: Record<string, { description?: string }> }[] }>;
      additionalProperties: boolean;
    };
    expect(Object.keys(properties)).toEqual(
      expect.arrayContaining(["name", "seed", "data", "distill", "quantize", "deploy"]),
    );
    expect(additionalProperties).toBe(false);
    const deploy = properties["deploy"]?.anyOf;
    expect(deploy?.[0]?.properties?.["summary"]?.description).toMatch(/what the model does/);
    expect(deploy?.[1]).toMatchObject({ type: "null" });
  });
});
