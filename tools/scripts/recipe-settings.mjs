/** Lists the settings of a recipe, and those that no recipe in configs sets. Needs a build. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { recipeJsonSchema } from "../../packages/pipeline/dist/run/json-schema.js";

const root = join(import.meta.dirname, "..", "..");

/**
 * The paths of a schema. A list counts as one setting, together with its items.
 *
 * @param {any} node
 * @returns {Generator<string>}
 */
function* schemaPaths(node, path = "") {
  yield path;
  for (const variant of [...(node.anyOf ?? []), ...(node.oneOf ?? [])]) yield* schemaPaths(variant, path);
  if (node.items !== undefined) yield* schemaPaths(node.items, path);
  for (const [key, value] of Object.entries(node.properties ?? {}))
    yield* schemaPaths(value, path === "" ? key : `${path}.${key}`);
}

/**
 * The paths that a recipe sets. Members of an ensemble have a teacher's settings.
 *
 * @param {unknown} value
 * @returns {Generator<string>}
 */
function* givenPaths(value, path = "") {
  yield path.replace(/^teacher\.members\./, "teacher.");
  if (typeof value !== "object" || value === null) return;
  for (const [key, item] of Object.entries(value))
    yield* givenPaths(item, Array.isArray(value) ? path : path === "" ? key : `${path}.${key}`);
}

/** Settings that are not sections. Members of an ensemble and further targets are not counted again. */
export function recipeSettings() {
  const all = [...new Set(schemaPaths(recipeJsonSchema()))].filter(
    (path) => path !== "" && !path.startsWith("teacher.members."),
  );
  return all.filter((path) => !all.some((other) => other.startsWith(`${path}.`)));
}

/** Settings that no recipe in configs sets. */
export function unusedSettings() {
  const listed = execFileSync("git", ["ls-files", "configs/*.yaml"], { cwd: root, encoding: "utf8" });
  const recipes = listed.trim().split("\n");
  const given = new Set(
    recipes.flatMap((file) => [...givenPaths(parse(readFileSync(join(root, file), "utf8")))]),
  );
  return recipeSettings().filter((path) => !given.has(path));
}
