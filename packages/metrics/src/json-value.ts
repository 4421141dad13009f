/** JSON as models write it: parsed if it is valid, compared as values. */
import { SlmError } from "@slm/core";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = Readonly<Record<string, Json>>;

/** Deepest nesting that is read [levels]: answers are flat, and what walks a value may then recurse. */
const MAX_DEPTH = 64;

/** A value in a box, so that `null` and no value differ. */
export interface ParsedJson {
  readonly value: Json;
}

/**
 * The value of a JSON text (RFC 8259), or undefined if it is not valid or nested deeper than 64 levels. Of equal keys in one
 * object the last counts; numbers are IEEE 754 doubles.
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

/** What a JSON answer says: one object (a call, say), or several in a row. */
export type JsonAnswer = JsonObject | readonly JsonObject[];

/** The object of a JSON text, or the objects of its array; undefined if it is anything else or empty. */
export function parseAnswer(text: string): JsonAnswer | undefined {
  const value = parseJson(text)?.value;
  if (value === undefined || isJsonObject(value)) return value;
  return isList(value) && value.length > 0 && value.every(isJsonObject) ? value : undefined;
}

/**
 * The value of a reference, which must have one.
 *
 * @throws SlmError DATA_INVALID, naming what was expected, if `parsed` is undefined.
 */
export function requireReference<T>(parsed: T | undefined, expected: string, where: string): T {
  if (parsed !== undefined) return parsed;
  throw new SlmError(
    "DATA_INVALID",
    `metrics: ${where} needs references that are ${expected}, got another one`,
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
