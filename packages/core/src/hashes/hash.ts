/** Hashes of bytes, of files, and of JSON values regardless of key order. */
import { createHash } from "node:crypto";
import { streamRegular } from "../files/regular-file.js";

/** SHA-256 of bytes or of a string's UTF-8 form, as 64 hexadecimal digits. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** SHA-256 of a file's bytes. Reads the file as a stream, so memory does not grow with its size. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of streamRegular(path)) hash.update(piece);
  return hash.digest("hex");
}

/**
 * JSON text that is the same for equal values: keys are sorted, there are no spaces, and `undefined` fields are left out.
 *
 * @throws TypeError for values that JSON would silently change: NaN, infinities, bigint, functions, symbols.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(canonical(value, "$"));
}

/** SHA-256 of {@link canonicalJson}: identifies settings and other plain data. */
export function hashJson(value: unknown): string {
  return sha256(canonicalJson(value));
}

function canonical(value: unknown, where: string): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((item, index) => canonical(item, `${where}[${index}]`));
  if (typeof value === "object" && isPlain(value)) {
    const fields = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]): [string, unknown] => [key, canonical(field, `${where}.${key}`)]);
    return Object.fromEntries(fields);
  }
  throw new TypeError(
    `not a JSON value at ${where}: ${typeof value === "number" ? String(value) : typeof value}`,
  );
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
