/** The components of a `tokenizer.json` that run before its model, and functions that read their settings. */
import { reject } from "../patterns/reject.js";
import { literalPattern, type Pattern } from "../patterns/pattern.js";

/** A normalizer, pre-tokenizer or decoder in a file. Its settings are checked where they are used. */
export interface Component {
  readonly type: string;
  readonly [setting: string]: unknown;
}

/**
 * The parts of a `Sequence`.
 *
 * @throws SlmError DATA_INVALID if they are not components
 */
function partsOf(component: Component, key: string): readonly Component[] {
  const parts = component[key];
  if (Array.isArray(parts) && parts.every(isComponent)) return parts;
  throw reject(`${component.type} needs a list of components in '${key}'`);
}

export function isComponent(value: unknown): value is Component {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** A text setting; the default if it is absent or null. @throws SlmError DATA_INVALID for anything else */
export function textOf(component: Component, key: string, fallback?: string): string {
  const value = component[key] ?? fallback;
  if (typeof value === "string") return value;
  throw reject(`${component.type} needs a text in '${key}', got ${JSON.stringify(value).slice(0, 80)}`);
}

/** A boolean setting; the default if it is absent or null. @throws SlmError DATA_INVALID for anything else */
export function flagOf(component: Component, key: string, fallback: boolean): boolean {
  const value = component[key] ?? fallback;
  if (typeof value === "boolean") return value;
  throw reject(
    `${component.type} must have true or false in '${key}', got ${JSON.stringify(value).slice(0, 80)}`,
  );
}

/**
 * Flattens a component to the list of components that run in turn, including those of nested sequences.
 *
 * @param key the setting that contains the components of a sequence
 * @throws SlmError DATA_INVALID if there are too many, or if one is not a component
 */
export function inOrder(component: Component, key: string): readonly Component[] {
  const parts: Component[] = [];
  const open = [component];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next.type !== "Sequence") parts.push(next);
    else for (const part of partsOf(next, key).toReversed()) open.push(part);
    if (parts.length > MOST_PARTS || open.length > MOST_PARTS)
      throw reject(`more than ${MOST_PARTS} components in '${key}'`);
  }
  return parts;
}

/** Most components in a sequence; published files have up to about 20. */
const MOST_PARTS = 100;

/** Compiles a regular expression of the file (Oniguruma syntax). */
export type CompilePattern = (pattern: string) => Pattern;

/**
 * The pattern of a `Split` or `Replace`.
 *
 * @throws SlmError DATA_INVALID if there is no pattern, or if it cannot be matched in linear time
 */
export function patternOf(component: Component, compile: CompilePattern): Pattern {
  const { pattern } = component;
  if (typeof pattern === "object" && pattern !== null) {
    if ("String" in pattern && typeof pattern.String === "string") return literalPattern(pattern.String);
    if ("Regex" in pattern && typeof pattern.Regex === "string") return compile(pattern.Regex);
  }
  const got = pattern === undefined ? "none" : JSON.stringify(pattern).slice(0, 80);
  throw reject(`${component.type} needs a pattern {"Regex": text} or {"String": text}, got ${got}`);
}
