/** The reference pages of the recipe: an index, and a page with all settings of each section. */
import { recipeJson } from "../../../packages/pipeline/dist/recipe/recipe-metrics.js";
import { recipeSchema } from "../../../packages/pipeline/dist/recipe/resolve-recipe.js";
import { METRIC_NAMES } from "../../../packages/metrics/dist/metrics.js";
import { STAGES, sectionSchemas } from "../../../packages/pipeline/dist/run/stage-table.js";
import { GENERATED, cell, code, list } from "./markdown.mjs";
import { table } from "../../lib/markdown.mjs";

/**
 * The fields of a JSON schema that are used.
 *
 * @typedef {object} Schema
 * @property {string} [format]
 * @property {unknown} [const]
 * @property {readonly unknown[]} [enum]
 * @property {readonly Schema[]} [anyOf]
 * @property {readonly Schema[]} [oneOf]
 * @property {string | readonly string[]} [type]
 * @property {Schema} [items]
 * @property {Readonly<Record<string, Schema>>} [properties]
 * @property {readonly string[]} [required]
 * @property {unknown} [default]
 * @property {string} [description]
 */

/** The type of a schema's values in a few words. @returns {string} */
function typeName(/** @type {Schema} */ schema) {
  if (schema.format?.startsWith("path")) return schema.format.replaceAll("-", " ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (`${schema.enum}` === `${METRIC_NAMES}`) return "metrics"; // The index lists their names once.
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants !== undefined) return [...new Set(variants.map(typeName))].join(" or ");
  if (schema.type === "array")
    return `list of ${schema.items === undefined ? "values" : typeName(schema.items)}`;
  return [schema.type ?? "value"].flat().join(" or ");
}

/** The alternatives of a schema, including unions inside unions. @type {(schema: Schema) => readonly Schema[]} */
const variantsOf = (schema) =>
  (schema.oneOf ?? schema.anyOf ?? []).flatMap((variant) =>
    variant.oneOf === undefined ? [variant] : variantsOf(variant),
  );

/** One row per setting, including settings in groups. Variants of a group are distinguished by their fixed values. */
/** @returns {Generator<string[]>} */
function* settingRows(/** @type {Schema} */ schema, /** @type {string[]} */ path, when = "") {
  const variants = variantsOf(schema);
  if (variants.some(({ type }) => type === "object")) {
    for (const variant of variants) {
      if (variant.type !== "object") continue;
      const fixed = Object.entries(variant.properties ?? {}).find(([, value]) => value.const !== undefined);
      const condition = fixed === undefined ? when : `${path.concat(fixed[0]).join(".")}: ${fixed[1].const}`;
      yield* settingRows(variant, path, condition);
    }
    return;
  }
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    const name = [...path, key];
    const isGroup = value.properties !== undefined || opens(value);
    const preset = value.default === undefined || isGroup ? "" : code(JSON.stringify(value.default));
    const needed = schema.required?.includes(key) && value.default === undefined;
    yield [
      code(name.join(".")),
      cell(isGroup ? "group" : typeName(value)),
      preset === "" && needed ? "needed" : preset,
      cell(value.description),
      when,
    ];
    if (isGroup) yield* settingRows(value, name, when);
    if (value.items !== undefined && (value.items.properties !== undefined || opens(value.items)))
      yield* settingRows(value.items, [...name.slice(0, -1), `${key}[]`], when);
  }
}

const opens = (/** @type {Schema} */ schema) =>
  variantsOf(schema).some(({ properties }) => properties !== undefined);

/**
 * Merges rows that differ only in their condition, and leaves out rows of a list that repeat those of its group: `teacher.path` also
 * describes `teacher.members[].path`.
 *
 * @param {readonly string[][]} rows name, type, default, meaning, condition
 */
function mergedRows(rows) {
  /** @type {Map<string, { cells: readonly string[], conditions: string[] }>} */
  const merged = new Map();
  for (const [name = "", type = "", preset = "", meaning = "", condition = ""] of rows) {
    const key = JSON.stringify([name, type, preset, meaning]);
    const entry = merged.get(key) ?? { cells: [name, type, preset, meaning], conditions: [] };
    if (!entry.conditions.includes(condition)) entry.conditions.push(condition);
    merged.set(key, entry);
  }
  const told = new Set(
    [...merged.values()].map(({ cells: [name, type, , meaning] }) => `${name}|${type}|${meaning}`),
  );
  return [...merged.values()]
    .filter(({ cells: [name = "", type, , meaning] }) => {
      const outside = name.replace(/\.\w+\[\]/, "");
      return outside === name || !told.has(`${outside}|${type}|${meaning}`);
    })
    .map(({ cells, conditions }) => [...cells, conditions.includes("") ? "" : oneCondition(conditions)]);
}

/** `kind: a` and `kind: b` as `kind: a, b`. @returns {string} */
function oneCondition(/** @type {readonly string[]} */ conditions) {
  /** @type {Map<string, string[]>} */
  const values = new Map();
  for (const condition of conditions) {
    const [key = "", value = ""] = condition.split(": ");
    values.set(key, [...(values.get(key) ?? []), value]);
  }
  return [...values].map(([key, all]) => code(`${key}: ${all.join(", ")}`)).join(", ");
}

/** A setting as an item of a list: name, type, default and condition, then what it does. */
function settingItem(
  /** @type {readonly string[]} */ [name, type, preset = "", meaning = "", condition = ""],
) {
  const isOwn = condition.startsWith(name?.replace(/`$/, ": ") ?? ""); // The condition of a variant's own fixed value.
  const given = preset === "needed" ? preset : `default ${preset}`;
  const facts = [
    type,
    preset === "" || /\bDefault: /.test(meaning) ? "" : given,
    condition === "" || isOwn ? "" : `if ${condition}`,
  ].filter((fact) => fact !== "");
  return `- ${name} (${facts.join("; ")})${meaning === "" ? "" : `: ${meaning}`}`;
}

const capitalized = (/** @type {string} */ text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

const SECTIONS = /** @type {Readonly<Record<string, unknown>>} */ (
  recipeJson(recipeSchema(sectionSchemas(STAGES))).properties
);

/** The page of a section: its summary, then every setting. The list starts at line LIST_LINE of the file. */
function stagePage(/** @type {(typeof STAGES)[number]} */ { name, summary }) {
  const schema = /** @type {Schema} */ (SECTIONS[name]);
  const items = mergedRows([...settingRows(schema, [name])]).map(settingItem);
  return [GENERATED, `# Recipe: ${name}`, capitalized(summary), items.join("\n")];
}

const LIST_LINE = 7;

/** The site includes the lists of all sections here, with a filter. GitHub shows only the links. */
const included = (/** @type {string} */ name) =>
  [`## [${name}](recipe/${name}.md)`, `<!--@include: ./recipe/${name}.md{${LIST_LINE},}-->`].join("\n\n");

/** @returns the index and the page of each section, by file name */
export function recipePages() {
  const index = [
    GENERATED,
    "# Recipe",
    "A recipe is a YAML file with one section per stage. A stage without a section does not run. `--set path=value` overrides " +
      "one setting, `--set path=null` resets it, and `slm run RECIPE --print-config` shows every value and where it came from.",
    table(
      ["section", "stage"],
      STAGES.map(({ name, summary }) => [`[${name}](recipe/${name}.md)`, cell(summary)]),
    ),
    "- **Name and seed:** `name` names the run. `seed` (default 1) decides the order of the data and the initial weights.\n" +
      "- **Paths** in a recipe file start from its folder. Paths in `--set` and in `SLM_` variables start from the current directory.\n" +
      "- **Metrics:** `metrics`, at the top, lists what the stages measure. The first chooses the checkpoint and is the gate's. " +
      "There is no default: the right metric depends on the task. " +
      `The metrics are ${list(METRIC_NAMES)}.\n` +
      "- **Dataset modules:** `data.source` names a module, which slm executes ([how to](../how-to/dataset-modules.md)).\n" +
      "- **Lists:** items of a list accept the settings of the group around the list. A member of an ensemble takes the settings of a teacher.",
    "<SettingFilter />",
    ...STAGES.map(({ name }) => included(name)),
  ];
  return {
    "recipe.md": index,
    ...Object.fromEntries(STAGES.map((stage) => [`recipe/${stage.name}.md`, stagePage(stage)])),
  };
}
