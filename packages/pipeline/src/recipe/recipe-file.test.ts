import { describe, expect, test } from "vitest";
import { parseRecipe } from "./recipe-file.js";

describe(parseRecipe, () => {
  test.each(["a: &a [*a]", "a: &a { b: { c: *a } }", "&a a: &b [[*b]]"])(
    "rejects %s, which has no end",
    (text) => {
      expect(() => parseRecipe(text, "recipe.yaml")).toThrow(
        expect.objectContaining({
          code: "CONFIG_INVALID",
          message: expect.stringContaining("recipe.yaml: an alias") as string,
        }) as Error,
      );
    },
  );

  test("supports aliases that are used twice", () => {
    expect(parseRecipe("a: &a { b: 1 }\nc: *a\nd: [*a, *a]", "recipe.yaml").value).toEqual({
      a: { b: 1 },
      c: { b: 1 },
      d: [{ b: 1 }, { b: 1 }],
    });
  });
});
