/** Migrates the text of a recipe to the current version. Renamed keys and values are replaced in place; everything else is kept. */
import { newerVersion } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { isMap, isScalar, isSeq, parseDocument, type ParsedNode, type Scalar } from "yaml";
import { dotted, type KeyPath } from "./mapping.js";
import { parseRecipe } from "./recipe-file.js";
import { RECIPE_VERSION, renamedIn, type Renamed } from "./renamed-keys.js";

export interface Migration {
  readonly text: string;
  /** What was changed, in the order of the file: "distill.accumulate -> gradientAccumulationSteps". */
  readonly changes: readonly string[];
}

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

type Parsed = ParsedNode | null;

/**
 * The recipe with the keys of version 2. Comments, order and layout are kept. A recipe that needs no change is returned unchanged.
 *
 * @param path its name in errors
 * @throws SlmError CONFIG_INVALID if it is not a YAML mapping, or has a version above {@link RECIPE_VERSION}
 */
export function migrateRecipe(text: string, path: string): Migration {
  const { value } = parseRecipe(text, path);
  checkVersion(value.schemaVersion, path);
  const root = parseDocument(text, { stringKeys: true, merge: true, uniqueKeys: false }).contents;
  const found = renamedIn(value);
  const edits = [...versionEdits(value.schemaVersion, root), ...found.flatMap((one) => editsOf(one, root))];
  const changes = [
    ...(value.schemaVersion === RECIPE_VERSION ? [] : [`schemaVersion: ${RECIPE_VERSION}`]),
    ...found.map(describeRenamed),
  ];
  return { text: spliced(text, edits), changes };
}

/** "distill.accumulate is now gradientAccumulationSteps", with the value if that changed too. */
export function describeRenamed({ path, key, value }: Renamed): string {
  const name = key ?? "";
  const now = value === undefined ? name : `${name === "" ? "" : `${name}: `}${value}`;
  return `${dotted(path)} is now ${now}`;
}

/** @throws SlmError CONFIG_INVALID for a version that this program does not know */
export function checkVersion(version: unknown, where: string): void {
  if (version === undefined || version === 1 || version === RECIPE_VERSION) return;
  if (Number.isInteger(version) && Number(version) > RECIPE_VERSION)
    throw newerVersion(Number(version), RECIPE_VERSION, where, "CONFIG_INVALID");
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: schemaVersion: expected ${RECIPE_VERSION}, got ${JSON.stringify(version)}`,
    { suggestions: [`schemaVersion: ${RECIPE_VERSION}`] },
  );
}

function versionEdits(version: unknown, root: Parsed): readonly Edit[] {
  const line = `schemaVersion: ${RECIPE_VERSION}`;
  if (version === RECIPE_VERSION || !isMap<Scalar.Parsed, Parsed>(root)) return [];
  const pair = root.items.find(({ key }) => key.value === "schemaVersion");
  if (pair?.value != null) return [replacing(pair.value, String(RECIPE_VERSION))];
  const start = root.items[0]?.key.range[0];
  if (start === undefined) return [];
  return [{ from: start, to: start, text: root.flow === true ? `${line}, ` : `${line}\n` }];
}

function editsOf({ path, key, value }: Renamed, root: Parsed): readonly Edit[] {
  const found = find(root, path);
  if (found === undefined) return [];
  return [
    ...(key === undefined || found.key === undefined ? [] : [replacing(found.key, key)]),
    ...(value === undefined || !isScalar(found.value) ? [] : [replacing(found.value, `${value}`)]),
  ];
}

const replacing = ({ range }: ParsedNode, text: string): Edit => ({ from: range[0], to: range[1], text });

interface Found {
  readonly key: Scalar.Parsed | undefined;
  readonly value: Parsed;
}

/** The node at a path; undefined where it comes from an alias or a merged mapping, which is edited where it is written. */
function find(root: Parsed, path: KeyPath): Found | undefined {
  let found: Found = { key: undefined, value: root };
  for (const step of path) {
    const node: Parsed = found.value;
    if (isMap<Scalar.Parsed, Parsed>(node)) {
      const pair = node.items.find(({ key }) => key.value === step);
      if (pair === undefined) return undefined;
      found = { key: pair.key, value: pair.value };
    } else if (isSeq<ParsedNode>(node) && typeof step === "number") {
      const item = node.items[step];
      if (item === undefined) return undefined;
      found = { key: undefined, value: item };
    } else return undefined;
  }
  return found;
}

/** The text with every place replaced once: a mapping that is merged twice is found twice. */
function spliced(text: string, edits: readonly Edit[]): string {
  const places = new Map(edits.map((edit) => [edit.from, edit]));
  return [...places.values()]
    .sort((a, b) => b.from - a.from)
    .reduce((whole, { from, to, text: now }) => whole.slice(0, from) + now + whole.slice(to), text);
}
