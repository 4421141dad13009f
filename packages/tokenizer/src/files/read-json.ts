/** Reads the files of a tokenizer directory: UTF-8, with limited size and nesting. */
import { access, stat } from "node:fs/promises";
import { isDeeperThan, readRegular, requireRegular, SlmError } from "@slm/core";
import type { z } from "zod";

/** The largest published vocabularies (256k entries) have about 35 MiB; a larger file is not a tokenizer. */
const MAX_FILE_BYTES = 128 * 1024 * 1024;
/** Deepest nesting [levels]. Published files have about ten; the limit makes recursion over components safe. */
const MAX_DEPTH = 64;

/** Whether a file exists. */
export async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Reads and checks a JSON file.
 *
 * @throws SlmError INPUT_MISSING if the file is missing, DATA_INVALID if it is invalid.
 */
export async function readJson<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.infer<Schema>> {
  const value = parseJson(path, await readText(path));
  if (isDeeperThan(value, MAX_DEPTH))
    throw invalidFile(path, `expected at most ${MAX_DEPTH} levels of nesting, got more`);
  // A file is read once: compiling the schema would take longer than the check.
  const parsed = schema.safeParse(value, { jitless: true });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue === undefined ? "" : ` at ${issue.path.map(String).join(".") || "the top"}`;
  throw invalidFile(path, `${issue?.message ?? "not a tokenizer file"}${where}`, parsed.error);
}

/**
 * Reads a file.
 *
 * @throws SlmError INPUT_MISSING if it is missing, DATA_INVALID if it is too large.
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const status = await stat(path);
    requireRegular(status, path);
    const { size } = status;
    if (size > MAX_FILE_BYTES)
      throw invalidFile(path, `expected at most ${MAX_FILE_BYTES} bytes, got ${size}`);
    return await readRegular(path);
  } catch (cause) {
    if (cause instanceof SlmError) throw cause;
    throw new SlmError("INPUT_MISSING", `tokenizer: cannot read ${path}: ${messageOf(cause)}`, {
      context: { path },
      suggestions: ["slm tokenizer train --help"],
      cause,
    });
  }
}

/**
 * Reads a UTF-8 file.
 *
 * @throws SlmError INPUT_MISSING if it is missing, DATA_INVALID if it is too large or not UTF-8.
 */
export async function readText(path: string): Promise<string> {
  const bytes = await readBytes(path);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalidFile(path, "expected UTF-8 text", cause);
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalidFile(path, messageOf(cause), cause);
  }
}

function invalidFile(path: string, problem: string, cause?: unknown): SlmError {
  return new SlmError("DATA_INVALID", `tokenizer: ${path}: ${problem}`, { context: { path }, cause });
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
