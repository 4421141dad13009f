/** The supported keywords of JSON Schema. All others are rejected, because ignoring one would allow values that the schema forbids. */
import { SlmError } from "@slm/core";

export const TYPES = ["string", "number", "integer", "boolean", "null", "object", "array"] as const;
export type TypeName = (typeof TYPES)[number];

/**
 *
 * Our own keyword for strings, with the `x-` prefix of extensions: true, or `{ joinedBy }`. The string is a stretch of whole words of
 * the source, or several stretches joined by a text.
 */
export const COPIED_KEYWORD = "x-copied";

/** Keywords of each type. Properties are written in the schema's order; optional ones may be omitted. */
export const TYPE_KEYWORDS: Readonly<Record<TypeName, readonly string[]>> = {
  string: ["minLength", "maxLength", COPIED_KEYWORD],
  number: [],
  integer: [],
  boolean: [],
  null: [],
  object: ["properties", "required", "additionalProperties", "propertyNames"],
  array: ["items", "minItems", "maxItems"],
};

/** Keywords that may be combined only with annotations and definitions. */
export const ALONE_KEYWORDS = ["$ref", "anyOf", "const"] as const;

/** Keywords that do not restrict values, and containers of definitions. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  "$schema",
  "$id",
  "$comment",
  "$defs",
  "definitions",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
]);

export type Schema = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function reject(pointer: string, problem: string, suggestions: readonly string[] = []): SlmError {
  return new SlmError("DATA_INVALID", `schema: ${shortened(pointer)}: ${problem}`, {
    context: { pointer: shortened(pointer) },
    suggestions: [...suggestions],
  });
}

/** A JSON pointer for an error message, shortened because names in a schema may have any length. */
function shortened(pointer: string): string {
  return pointer.length > LONGEST_SHOWN ? `${pointer.slice(0, LONGEST_SHOWN)}...` : pointer;
}

/** Maximum length of a pointer in an error [characters]. */
const LONGEST_SHOWN = 200;

/** @throws SlmError DATA_INVALID naming the first keyword that is not in `known` */
export function rejectOthers(schema: Schema, pointer: string, known: readonly string[]): void {
  const other = Object.keys(schema).find((key) => !known.includes(key) && !ANNOTATIONS.has(key));
  if (other === undefined) return;
  throw reject(
    pointer,
    `'${other.slice(0, 80)}' is not supported here; supported are ${known.join(", ") || "annotations only"}`,
    [`remove ${JSON.stringify(other.slice(0, 80))} from the schema`],
  );
}

/** The value of a count keyword such as `maxLength`. @throws SlmError DATA_INVALID unless it is absent or an integer up to `largest` */
export function countOf(
  schema: Schema,
  key: string,
  at: { readonly pointer: string; readonly largest: number },
): number | undefined {
  const value = schema[key];
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= at.largest) return value;
  throw reject(
    at.pointer,
    `'${key}' must be an integer from 0 to ${at.largest}, got ${JSON.stringify(value).slice(0, 80)}`,
  );
}
