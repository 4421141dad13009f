/** Parses data sets in one JSON document: a list of rows, SQuAD, or intents. The shape decides which. */
import { isDeeperThan, readRegular, SlmError } from "@slm/core";
import { HINTS } from "../rows/hints.js";
import { checkSize, decodeText, rejectUtf16, unreadable } from "../rows/lines.js";
import { MAX_DOCUMENT_BYTES } from "../rows/limits.js";
import { kindOf } from "../rows/row.js";
import type { ReadSettings, ScannedRecord } from "./data-format.js";

/** A parsed, unchecked JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads and parses a whole document.
 *
 * @throws SlmError INPUT_MISSING if it cannot be read; DATA_INVALID if it is too large, wrongly encoded or not JSON.
 */
export async function readDocument(path: string, { encoding }: ReadSettings): Promise<unknown> {
  await checkSize(path, MAX_DOCUMENT_BYTES);
  const bytes = await readRegular(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  rejectUtf16(path, bytes);
  const text = decodeText(bytes, encoding);
  if (text === undefined) throw badDocument(path, "not UTF-8 text", [HINTS.encoding]);
  let value: unknown;
  try {
    value = JSON.parse(text.startsWith("\ufeff") ? text.slice(1) : text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badDocument(path, `not JSON: ${reason.slice(0, 200)}`, [
      "--set data.format=jsonl, or another format",
    ]);
  }
  if (isDeeperThan(value, DEEPEST_DOCUMENT))
    throw badDocument(path, `lists and objects are nested more than ${DEEPEST_DOCUMENT} levels deep`);
  return value;
}

/** Deepest nesting of a document [levels]. */
const DEEPEST_DOCUMENT = 1000;

export function badDocument(
  path: string,
  problem: string,
  suggestions: readonly string[] = ["--set data.format=jsonl, or another format"],
): SlmError {
  return new SlmError("DATA_INVALID", `data: ${path}: ${problem}`, { context: { path }, suggestions });
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The items of a list; undefined for other values. */
export function listOf(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? (value as readonly unknown[]) : undefined;
}

/** Numbers the records of a document, starting from 1. */
export class Place {
  #count = 0;

  columns(columns: JsonObject): ScannedRecord {
    return { line: ++this.#count, columns };
  }

  /** Rejects the next record. */
  reject(reason: string): ScannedRecord {
    return { line: ++this.#count, reason };
  }

  /** Rejects a value that is not the expected list or object. */
  expected(what: string, value: unknown): ScannedRecord {
    return this.reject(`expected ${what}, got ${kindOf(value)}`);
  }
}
