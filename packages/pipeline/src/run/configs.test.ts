import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { STAGE_NAMES } from "../stage/stage-names.js";
import { STAGES } from "./stage-table.js";
import { preparePipeline } from "./prepare-run.js";

const folder = fileURLToPath(new URL("../../../../configs/", import.meta.url));
/** The shape of a model for `slm model init`. */
const NO_RECIPES: ReadonlySet<string> = new Set(["paper-330m/model.yaml"]);
/** Recipes for which the user provides the rows. */
const ROWS_ARE_GIVEN: ReadonlySet<string> = new Set([
  "paper-330m/recipe.yaml",
  "snips/few-labels.yaml",
  "snips/recipe.yaml",
  "snips/teacher-layers.yaml",
  "snips/trained-teacher.yaml",
  "translation/recipe.yaml",
]);
const recipes = (await readdir(folder, { recursive: true }))
  .filter((name) => name.endsWith(".yaml") && !NO_RECIPES.has(name))
  .sort();

describe("recipes of the tasks", () => {
  test.each(recipes)(
    "configs/%s is a recipe of known settings, and the files that it names are there",
    async (name) => {
      const recipe = { path: join(folder, name), sets: [], environment: {} };
      const { recipe: resolved, stages } = await preparePipeline({ recipe, out: undefined, force: false });
      expect(Object.keys(resolved.sections)).not.toEqual([]);
      if (ROWS_ARE_GIVEN.has(name)) return;
      const request = { mayFetch: false, signal: new AbortController().signal, progress: () => undefined };
      for (const stage of stages) {
        const section = resolved.sections[stage.name];
        if (section === undefined) continue;
        for (const { path } of await stage.files(section.settings, request))
          expect((await stat(path)).size, path).toBeGreaterThan(0);
      }
    },
  );

  test("stages have the same names as in the table", () => {
    expect(STAGES.map(({ name }) => name)).toEqual(STAGE_NAMES);
  });

  test("a recipe called recipe.yaml is named after its folder", async () => {
    const recipe = { path: join(folder, "dates/recipe.yaml"), sets: [], environment: {} };
    expect((await preparePipeline({ recipe, out: undefined, force: false })).recipe.name).toBe("dates");
  });
});
