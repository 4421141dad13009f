import { readFile, readdir } from "node:fs/promises";
import { expect, test } from "vitest";
import { recipeJsonSchema } from "./json-schema.js";

interface Node {
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly items?: Node;
  readonly properties?: Readonly<Record<string, Node>>;
}

/** Settings of a schema. A list counts as one setting, together with its items. */
function* pathsOf(node: Node, path = ""): Generator<string> {
  yield path;
  for (const variant of [...(node.anyOf ?? []), ...(node.oneOf ?? [])]) yield* pathsOf(variant, path);
  if (node.items !== undefined) yield* pathsOf(node.items, path);
  for (const [key, value] of Object.entries(node.properties ?? {}))
    yield* pathsOf(value, path === "" ? key : `${path}.${key}`);
}

/** Members of an ensemble have a teacher's settings, and further targets those of the first target; neither is counted again. */
function leafPaths(): readonly string[] {
  const all = [...new Set(pathsOf(recipeJsonSchema()))].filter(
    (path) => path !== "" && !path.startsWith("teacher.members."),
  );
  return all.filter((path) => !all.some((other) => other.startsWith(`${path}.`)));
}

test("a recipe has few settings", () => {
  expect(leafPaths().length).toBeLessThanOrEqual(242);
});

test("the pages of settings can be read", async () => {
  const folder = new URL("../../../../docs/reference/recipe/", import.meta.url);
  const index = await readFile(new URL("../recipe.md", folder));
  const names = await readdir(folder);
  const pages = await Promise.all(names.map((name) => readFile(new URL(name, folder))));
  const bytes = [index, ...pages].reduce((sum, page) => sum + page.length, 0);
  expect(bytes).toBeLessThan(90_000);
});
