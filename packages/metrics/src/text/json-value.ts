/** Parses JSON that models generate, and compares it by value. */
import { SlmError } from "@slm/core/errors";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = Readonly<Record<string, Json>>;

/** Deepest accepted nesting [levels]. Answers are flat, and the limit makes recursion over a value safe. */
const MAX_DEPTH = 64;

/** Wraps a value, so that JSON `null` differs from no value. */
export interface ParsedJson {
  readonly value: Json;
}

/**
 * The value of a JSON text (RFC 8259), or undefined if it is not valid or nested deeper than 64 levels. The last of several
 * equal keys counts; numbers are IEEE 754 doubles.
 */
export function parseJson(text: string): ParsedJson | undefined {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
  return isDeeperThan(value, MAX_DEPTH) ? undefined : { value };
}

/** A JSON answer: one object, such as a function call, or an array of them. */
export type JsonAnswer = JsonObject | readonly JsonObject[];

/** The object of a JSON text, or the objects of its array; undefined if it is anything else or empty. */
export function parseAnswer(text: string): JsonAnswer | undefined {
  const value = parseJson(text)?.value;
  if (value === undefined || isJsonObject(value)) return value;
  return isList(value) && value.length > 0 && value.every(isJsonObject) ? value : undefined;
}

/**
 * The value of a reference.
 *
 * @throws SlmError DATA_INVALID, naming what was expected, if `parsed` is undefined.
 */
export function requireReference<T>(parsed: T | undefined, expected: string, where: string): T {
  if (parsed !== undefined) return parsed;
  throw new SlmError(
    "DATA_INVALID",
    `metrics: ${where} needs references that are ${expected}, got one that is not`,
    {
      context: { where, expected },
    },
  );
}

/** Whether a value is an object, not an array. */
function isJsonObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** Whether two values are equal, irrespective of the order of keys. */
export function jsonEqual(a: Json, b: Json): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const entries = Object.entries(a);
  const others = new Map<string, Json>(Object.entries(b));
  return (
    entries.length === others.size &&
    entries.every(([key, value]) => {
      const other = others.get(key);
      return other !== undefined && jsonEqual(value, other);
    })
  );
}

function isDeeperThan(value: Json, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((item: Json) => isDeeperThan(item, levels - 1));
}
