import { asMapping } from "../recipe/mapping.js";
import { furtherSectionPattern, TARGET_STAGES } from "../stage/further-targets.js";
import { STAGES, sectionSchemas } from "./stage-table.js";
import { recipeJson } from "../recipe/recipe-metrics.js";
import { recipeSchema } from "../recipe/resolve-recipe.js";

/** The JSON Schema of recipe files. Keys with a default are not required. */
export function recipeJsonSchema(): object {
  const sections = sectionSchemas(STAGES);
  const schema = recipeJson(recipeSchema(sections));
  // Sections of further targets, such as export@npu.
  const patternProperties = Object.fromEntries(
    TARGET_STAGES.map((stage) => [furtherSectionPattern(stage), { $ref: `#/properties/${stage}` }]),
  );
  const { properties, ...rest } = schema;
  return {
    title: "slm recipe",
    ...rest,
    properties: withOff(asMapping(properties) ?? {}, Object.keys(sections)),
    patternProperties,
  };
}

type Properties = Readonly<Record<string, unknown>>;

/** A section may be null, which turns its stage off. */
function withOff(properties: Properties, sections: readonly string[]): Properties {
  const off = { type: "null", description: "The stage is turned off." } as const;
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [
      name,
      sections.includes(name) ? { anyOf: [schema, off] } : schema,
    ]),
  );
}
