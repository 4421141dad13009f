/** Reads untrusted JSON files: bounded in size, checked against a schema, and named in every error. */
import { stat } from "node:fs/promises";
import { SlmError } from "../errors/slm-error.js";
import { z } from "zod";
import { systemCode } from "../errors/file-error.js";
import { DEEPEST_JSON, isDeeperThan } from "./nesting.js";
import { readRegular, requireRegular } from "./regular-file.js";
import { SLM_VERSION } from "../version.js";

const MEBIBYTE = 1024 * 1024;

/** In the browser, where this code reads bundles, bytes are a plain array. A byte order mark is kept. */
const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

export interface ReadJsonOptions {
  /** Size limit; larger files are not read [bytes]. Default: 16 MiB. */
  readonly limitBytes?: number;
  /** Commands that create the file. */
  readonly suggestions?: readonly string[];
}

/**
 * Reads and checks one JSON file.
 *
 * @throws SlmError INPUT_MISSING if the file does not exist; DATA_INVALID if it is too large, not JSON, or does not match the schema.
 */
export async function readJsonFile<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  options: ReadJsonOptions = {},
): Promise<z.infer<Schema>> {
  return parseJsonText(await readTextFile(path, options), schema, path);
}

/** Parses a JSON text. @param path its name in errors. @throws SlmError DATA_INVALID */
export function parseJsonText<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
  path: string,
): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SlmError("DATA_INVALID", `${path}: not valid JSON: ${reason}`, {
      context: { path },
      cause: error,
    });
  }
  if (isDeeperThan(value, DEEPEST_JSON))
    throw new SlmError("DATA_INVALID", `${path}: nests lists and objects more than ${DEEPEST_JSON} deep`, {
      context: { path },
    });
  // Most files are read once: compiling the schema would take longer than the check.
  const checked = schema.safeParse(value, { jitless: true });
  if (checked.success) return checked.data;
  rejectNewer(value, checked.error, path);
  const issues = checked.error.issues
    .slice(0, 5)
    .map((issue) => `${z.core.toDotPath(issue.path) || "(root)"}: ${issue.message}`);
  throw new SlmError("DATA_INVALID", `${path}: ${issues.join("; ")}`, { context: { path, issues } });
}

/** The value of a text; undefined if the text is not JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The error for a file with a `schemaVersion` newer than the supported one. @param path its name in the error */
export function newerVersion(
  version: number,
  known: number,
  path: string,
  code: "DATA_INVALID" | "CONFIG_INVALID" = "DATA_INVALID",
): SlmError {
  return new SlmError(
    code,
    `${path}: written by a newer slm: upgrade (schemaVersion ${version}; slm ${SLM_VERSION} reads ${known})`,
    {
      context: { path, schemaVersion: version, known },
      suggestions: ["npm install --ignore-scripts @encdec/slm@latest"],
    },
  );
}

/** @throws SlmError DATA_INVALID if the only version that a schema accepts is older than the file's version */
function rejectNewer(value: unknown, { issues }: z.ZodError, path: string): void {
  const issue = issues.find(({ path: [key, ...rest] }) => key === "schemaVersion" && rest.length === 0);
  if (issue?.code !== "invalid_value" || typeof value !== "object" || value === null) return;
  const { schemaVersion: version } = value as { readonly schemaVersion?: unknown };
  const [known] = issue.values;
  if (typeof version !== "number" || typeof known !== "number" || version <= known) return;
  throw newerVersion(version, known, path);
}

/** Reads a text file of bounded size. @throws SlmError INPUT_MISSING, DATA_INVALID */
export async function readTextFile(path: string, options: ReadJsonOptions = {}): Promise<string> {
  const limit = options.limitBytes ?? 16 * MEBIBYTE;
  try {
    const status = await stat(path);
    requireRegular(status, path);
    const { size } = status;
    if (size > limit) {
      throw new SlmError("DATA_INVALID", `${path}: expected at most ${limit} bytes, got ${size}`, {
        context: { path, bytes: size, limit },
      });
    }
    return UTF8.decode(await readRegular(path));
  } catch (error) {
    throw readFailure(error, path, options.suggestions);
  }
}

/** INPUT_MISSING for a path that does not exist or cannot be read; other errors unchanged. */
export function readFailure(error: unknown, path: string, suggestions: readonly string[] = []): unknown {
  const code = systemCode(error);
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new SlmError("INPUT_MISSING", `no such file: ${path}`, {
      context: { path },
      suggestions,
      cause: error,
    });
  }
  if (code === "EACCES" || code === "EISDIR" || code === "EPERM" || code === "ELOOP") {
    return new SlmError("INPUT_MISSING", `cannot read ${path} as a file (${code})`, {
      context: { path },
      suggestions,
      cause: error,
    });
  }
  return error;
}
