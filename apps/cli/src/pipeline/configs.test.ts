import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { preparePipeline } from "../pipeline-run.js";

const folder = new URL("../../../../configs/", import.meta.url);
/** The shape of a model, which `slm model init` takes. */
const NO_RECIPES: ReadonlySet<string> = new Set(["paper-330m.yaml"]);
const recipes = (await readdir(folder)).filter((name) => !NO_RECIPES.has(name));

test.each(recipes)("configs/%s is a recipe of known settings", async (name) => {
  const path = fileURLToPath(new URL(name, folder));
  const recipe = { path, sets: [], environment: {} };
  const { recipe: resolved } = await preparePipeline({ recipe, out: undefined, force: false });
  expect(Object.keys(resolved.sections)).not.toEqual([]);
});
