/** JSON for `--json`. No value of a report or error context is lost silently. */

import { printableJson } from "./printable.js";

/** Indented JSON. Numbers that JSON does not support become strings ("NaN"), big integers become decimal strings, typed arrays become arrays. */
export function jsonText(value: unknown): string {
  return printableJson(JSON.stringify(value, (_key, field: unknown) => plain(field), 2));
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (value instanceof Error) return value.message;
  if (value instanceof Set || value instanceof Map) return [...value];
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value as Uint8Array);
  return value;
}
