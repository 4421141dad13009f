/** Reads JSON Schema files. */
import { SlmError } from "@slm/core/errors";
import { readFile, stat } from "node:fs/promises";

/** Size limit of a schema [bytes]. */
const LARGEST_SCHEMA = 1024 * 1024;

/**
 * The schema of a file, as JSON.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID if the file is too large or not JSON
 */
export async function readSchema(file: string): Promise<unknown> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true)
    throw new SlmError("INPUT_MISSING", `${file}: no such file; expected a JSON Schema`);
  if (found.size > LARGEST_SCHEMA) {
    throw new SlmError(
      "DATA_INVALID",
      `${file}: expected a schema of at most ${LARGEST_SCHEMA} bytes, got ${found.size}`,
    );
  }
  try {
    return JSON.parse(await readFile(file, "utf8")) as unknown;
  } catch (cause) {
    throw new SlmError(
      "DATA_INVALID",
      `${file}: expected JSON: ${cause instanceof Error ? cause.message : ""}`,
      {
        cause,
      },
    );
  }
}
