import { z } from "zod";
import { loadStages, sectionSchemas } from "../pipeline/stage-table.js";
import { INFERRED_KEYS } from "./infer-metrics.js";
import { recipeSchema } from "./resolve-recipe.js";

/**
 * The JSON Schema of what people write in a recipe: what has a default is left out there, or taken from another section, so it is not
 * required.
 */
export async function recipeJsonSchema(): Promise<object> {
  const schema = z.toJSONSchema(recipeSchema(sectionSchemas(await loadStages())), {
    io: "input",
    override: ({ jsonSchema }) => {
      const needed = jsonSchema.required?.filter((key) => !INFERRED_KEYS.has(key));
      if (needed?.length === 0) delete jsonSchema.required;
      else if (needed !== undefined) jsonSchema.required = needed;
    },
  });
  return { title: "A recipe of slm", ...schema };
}
