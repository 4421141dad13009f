/**
 * Converts paths in settings. In a recipe file, paths are relative to the recipe's folder, so that the folder can be moved. In flags and
 * environment variables, they are relative to the current directory. The schemas mark which settings are paths.
 */
import { PATH_FORMATS, storedPath } from "@slm/core";
import { existsSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { z } from "zod";
import { alternatives } from "./check-recipe.js";
import { asMapping, type Mapping } from "./mapping.js";

type PathFormat = (typeof PATH_FORMATS)[keyof typeof PATH_FORMATS];
type MapPath = (path: string, format: PathFormat) => string;

/** Converts the paths of a recipe file's settings to be relative to the current directory. */
export function fromRecipeFolder(schema: z.ZodType, settings: Mapping, recipePath: string): Mapping {
  const folder = dirname(recipePath);
  return mapPaths(schema, settings, (path, format) => {
    if (isAbsolute(path)) return path;
    const inFolder = join(folder, path);
    return format === PATH_FORMATS.path || isMeantAsPath(path) || existsSync(inFolder) ? inFolder : path;
  }) as Mapping;
}

/**
 * Converts the paths of settings to be relative to the recipe's folder, so that they do not depend on its location or the current
 * directory. Used in manifests and to decide whether a stage is up to date.
 */
export function relativeToRecipe(schema: z.ZodType, settings: unknown, recipePath: string): unknown {
  const folder = resolve(dirname(recipePath));
  return mapPaths(schema, settings, (path, format) => {
    if (format === PATH_FORMATS.pathOrId && !existsSync(path)) return path;
    return storedPath(folder, resolve(path));
  });
}

/** Names of hub models never start like this. */
function isMeantAsPath(text: string): boolean {
  return text.startsWith("./") || text.startsWith("../");
}

/** Copies a value and converts every string that its schema marks as a path. */
function mapPaths(schema: z.ZodType, value: unknown, map: MapPath): unknown {
  const root = jsonSchemaOf(schema);
  const walk = (nodes: readonly Mapping[], inside: unknown): unknown => {
    if (nodes.length === 0) return inside;
    if (typeof inside === "string") {
      const format = nodes.map((node) => node.format).find(isPathFormat);
      return format === undefined ? inside : map(inside, format);
    }
    const below = (pick: (node: Mapping) => unknown): readonly Mapping[] =>
      nodes.flatMap((node) => alternatives(asMapping(pick(node)) ?? {}, root));
    if (Array.isArray(inside)) {
      const items = below((node) => node.items);
      return inside.map((item: unknown) => walk(items, item));
    }
    const mapping = asMapping(inside);
    if (mapping === undefined) return inside;
    return Object.fromEntries(
      Object.entries(mapping).map(([key, field]) => [
        key,
        walk(
          below((node) => {
            const properties = asMapping(node.properties);
            return properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : undefined;
          }),
          field,
        ),
      ]),
    );
  };
  return walk(alternatives(root, root), value);
}

function isPathFormat(format: unknown): format is PathFormat {
  return format === PATH_FORMATS.path || format === PATH_FORMATS.pathOrId;
}

const jsonSchemas = new WeakMap<z.ZodType, Mapping>();

function jsonSchemaOf(schema: z.ZodType): Mapping {
  const known = jsonSchemas.get(schema);
  if (known !== undefined) return known;
  const made = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Mapping;
  jsonSchemas.set(schema, made);
  return made;
}
