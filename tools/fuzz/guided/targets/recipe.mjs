/** Recipes: YAML, layers, and the schemas of all sections. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { STAGES, sectionSchemas } from "../../../../packages/pipeline/src/run/stage-table.ts";
import { resolveRecipe } from "../../../../packages/pipeline/src/recipe/resolve-recipe.ts";

export const limitMs = 2000;
const FILES = ["quickstart/recipe", "dates/recipe"];
export const seeds = async () => [
  ...(await Promise.all(FILES.map((name) => readFile(`configs/${name}.yaml`)))),
  "data: &a { train: x.jsonl }\ndistill: { <<: *a, steps: &b [1, *a] }\nexport: *b\n",
];

export function open(/** @type {string} */ folder) {
  const schemas = sectionSchemas(STAGES);
  const path = join(folder, "recipe.yaml");
  return async (/** @type {Uint8Array} */ bytes) => {
    await writeFile(path, bytes);
    await resolveRecipe({ path, sets: [], environment: {} }, () => ({
      schemas,
      neededBy: () => ["data", "tokenizer", "distill", "export"],
    }));
  };
}
