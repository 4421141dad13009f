import { z } from "zod";
import { loadStages, sectionSchemas } from "../pipeline/stage-table.js";
import { recipeSchema } from "./resolve-recipe.js";

/** The JSON Schema of what people write in a recipe: defaults are left out there, so nothing with a default is required. */
export async function recipeJsonSchema(): Promise<object> {
  const schema = z.toJSONSchema(recipeSchema(sectionSchemas(await loadStages())), { io: "input" });
  return { title: "A recipe of slm", ...schema };
}
