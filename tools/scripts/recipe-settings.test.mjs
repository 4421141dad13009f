import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { recipeSettings, unusedSettings } from "./recipe-settings.mjs";

void test("a recipe has few settings, and recipes set most of them", () => {
  assert.ok(recipeSettings().length <= 190, String(recipeSettings().length));
  assert.ok(unusedSettings().length <= 65, unusedSettings().join("\n"));
});

void test("the pages of settings can be read", () => {
  const reference = join(import.meta.dirname, "..", "..", "docs", "reference");
  const pages = readdirSync(join(reference, "recipe")).map((name) => join(reference, "recipe", name));
  const bytes = [join(reference, "recipe.md"), ...pages].reduce((sum, page) => sum + statSync(page).size, 0);
  assert.ok(bytes < 90_000, String(bytes));
});
