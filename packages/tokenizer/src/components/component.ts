/** The components of a `tokenizer.json` that run before its model, and helpers to read their settings. */
import { SlmError } from "@slm/core";

/** One normalizer, pre-tokenizer or decoder of a file; its settings are checked where they are used. */
export interface Component {
  readonly type: string;
  readonly [setting: string]: unknown;
}

/**
 * The parts of a `Sequence`.
 *
 * @throws SlmError DATA_INVALID if they are not components
 */
export function partsOf(component: Component, key: string): readonly Component[] {
  const parts = component[key];
  if (Array.isArray(parts) && parts.every(isComponent)) return parts;
  throw reject(`${component.type} needs a list of components in '${key}'`);
}

export function isComponent(value: unknown): value is Component {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** A text setting; the default where it is absent or null. @throws SlmError DATA_INVALID for anything else */
export function textOf(component: Component, key: string, fallback?: string): string {
  const value = component[key] ?? fallback;
  if (typeof value === "string") return value;
  throw reject(`${component.type} needs a text in '${key}', got ${JSON.stringify(value)}`);
}

/** A boolean setting; the default where it is absent or null. @throws SlmError DATA_INVALID for anything else */
export function flagOf(component: Component, key: string, fallback: boolean): boolean {
  const value = component[key] ?? fallback;
  if (typeof value === "boolean") return value;
  throw reject(`${component.type} needs true or false in '${key}', got ${JSON.stringify(value)}`);
}

/** The error for an unsupported component or setting. */
export function reject(problem: string): SlmError {
  return new SlmError("DATA_INVALID", `tokenizer: tokenizer.json: ${problem}`);
}

/** Compiles a regular expression of the file (Oniguruma syntax) to JavaScript's, with the flags for global and Unicode. */
export type CompilePattern = (pattern: string) => RegExp;

/**
 * The pattern of a `Split` or `Replace`.
 *
 * @throws SlmError DATA_INVALID if there is none, or one that JavaScript cannot express
 */
export function patternOf(component: Component, compile: CompilePattern): RegExp {
  const { pattern } = component;
  if (typeof pattern === "object" && pattern !== null) {
    if ("String" in pattern && typeof pattern.String === "string") return literal(pattern.String);
    if ("Regex" in pattern && typeof pattern.Regex === "string") return compile(pattern.Regex);
  }
  const got = pattern === undefined ? "none" : JSON.stringify(pattern);
  throw reject(`${component.type} needs a pattern {"Regex": text} or {"String": text}, got ${got}`);
}

/** A regular expression that matches a text literally. */
export function literal(text: string): RegExp {
  return new RegExp(text.replaceAll(/[\\^$.*+?()[\]{}|/-]/gu, String.raw`\$&`), "gu");
}
