/** Reads a recipe: a YAML mapping, and the position of each key in the file. */
import { readTextFile } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { LineCounter, isMap, isScalar, isSeq, parseDocument, type ParsedNode, type Scalar } from "yaml";
import { asMapping, type KeyPath, type Mapping } from "./mapping.js";

/** Size limit of a recipe [bytes]. */
const RECIPE_LIMIT_BYTES = 1024 * 1024;

export interface RecipeFile {
  readonly path: string;
  /** The content. A key without a value (`bench:`) has an empty mapping; an explicit `null` is null. */
  readonly value: Mapping;
  /** `file:line:column` of a key, or of the closest enclosing mapping. */
  readonly locate: (path: KeyPath) => string;
}

/** Reads and parses a recipe. @throws SlmError INPUT_MISSING, DATA_INVALID (too large), CONFIG_INVALID (not YAML) */
export async function readRecipeFile(path: string): Promise<RecipeFile> {
  return parseRecipe(await readRecipeText(path), path);
}

/** The text of a recipe. @throws SlmError INPUT_MISSING, DATA_INVALID (too large) */
const readRecipeText = (path: string): Promise<string> =>
  readTextFile(path, {
    limitBytes: RECIPE_LIMIT_BYTES,
    suggestions: ["slm init --data FILE writes a recipe"],
  });

/** Parses the text of a recipe; `path` is used only in errors. @throws SlmError CONFIG_INVALID */
export function parseRecipe(text: string, path: string): RecipeFile {
  const lines = new LineCounter();
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  // The library would compare each key with all other keys; see duplicateKey.
  const options = {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    merge: true,
    uniqueKeys: false,
  };
  const document = parseDocument(text, options);
  // Warnings are errors too: with an unknown tag or unresolved alias, the value is not what the author expects.
  const duplicate = duplicateKey(document.contents);
  const [problem] = [
    ...document.errors,
    ...document.warnings,
    ...(duplicate === undefined ? [] : [{ pos: [duplicate], message: "Map keys must be unique" } as const]),
  ];
  if (problem !== undefined) {
    throw new SlmError("CONFIG_INVALID", `${at(problem.pos[0])}: not valid YAML: ${problem.message}`, {
      context: { file: path },
      suggestions: [`correct the line ${at(problem.pos[0])}`],
    });
  }
  return {
    path,
    value: withEmptySections(
      toMapping(() => document.toJS() as unknown, path),
      document.contents,
    ),
    locate: (keys) => at(offsetOf(document.contents, keys)),
  };
}

/** The position of a duplicate key in a mapping. Merge keys (`<<`) may occur several times. */
function duplicateKey(root: ParsedNode | null): number | undefined {
  const open = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (isSeq<ParsedNode>(node)) for (const item of node.items) open.push(item);
    if (!isMap<Scalar.Parsed, ParsedNode | null>(node)) continue;
    const seen = new Set<unknown>();
    for (const { key, value } of node.items) {
      if (isScalar(key) && key.value !== "<<") {
        if (seen.has(key.value)) return key.range[0];
        seen.add(key.value);
      }
      open.push(value);
    }
  }
  return undefined;
}

/** Copies a recipe and gives top-level keys without a value an empty mapping. */
function withEmptySections(value: Mapping, root: ParsedNode | null): Mapping {
  if (!isMap<Scalar.Parsed, ParsedNode | null>(root)) return value;
  const bare = root.items.filter(
    ({ value: node }) => isScalar(node) && node.value === null && node.source === "",
  );
  return { ...value, ...Object.fromEntries(bare.map(({ key }) => [String(key.value), {}])) };
}

function toMapping(toJs: () => unknown, path: string): Mapping {
  let value: unknown;
  try {
    value = toJs(); // Throws for aliases that expand to an extreme size.
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SlmError("CONFIG_INVALID", `${path}: ${reason}`, { context: { file: path }, cause: error });
  }
  if (containsItself(value))
    throw new SlmError(
      "CONFIG_INVALID",
      `${path}: an alias (*NAME) is inside the value of its own anchor (&NAME)`,
      {
        context: { file: path },
        suggestions: [`replace the alias in ${path} by the value`],
      },
    );
  if (value === null || value === undefined) return {};
  const mapping = asMapping(value);
  if (mapping !== undefined) return mapping;
  throw new SlmError(
    "CONFIG_INVALID",
    `${path}:1:1: expected a mapping of sections, got ${Array.isArray(value) ? "a list" : typeof value}`,
    {
      context: { file: path },
    },
  );
}

/** Whether a list or mapping contains itself. The library uses one object for all aliases of an anchor. */
function containsItself(value: unknown, around = new Set<unknown>(), done = new Set<unknown>()): boolean {
  if (typeof value !== "object" || value === null || done.has(value)) return false;
  if (around.has(value)) return true;
  around.add(value);
  const found = Object.values(value).some((part) => containsItself(part, around, done));
  around.delete(value);
  done.add(value);
  return found;
}

/** Offset of the deepest key of `path` that exists. */
function offsetOf(root: ParsedNode | null, path: KeyPath): number {
  let node: ParsedNode | null = root;
  let offset = root?.range[0] ?? 0;
  for (const key of path) {
    const found: Found | undefined = childOf(node, key);
    if (found === undefined) break;
    offset = found.offset;
    node = found.value;
  }
  return offset;
}

interface Found {
  readonly offset: number;
  readonly value: ParsedNode | null;
}

function childOf(node: ParsedNode | null, key: PropertyKey): Found | undefined {
  if (isMap<Scalar.Parsed, ParsedNode | null>(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
    return pair === undefined ? undefined : { offset: pair.key.range[0], value: pair.value };
  }
  if (isSeq<ParsedNode>(node) && typeof key === "number") {
    const item = node.items[key];
    return item === undefined ? undefined : { offset: item.range[0], value: item };
  }
  return undefined;
}
