/** A JSON Schema file as a constraint on generated text. */
import { constrainTokens, copiesSource, jsonSchemaGrammar } from "@slm/generation";
import { readDeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core/errors";
import type { GenerateOptions } from "@slm/inference";
import { loadTokenPieces } from "@slm/tokenizer";
import { readFile, stat } from "node:fs/promises";

/** Size limit of a schema [bytes]. */
const LARGEST_SCHEMA = 1024 * 1024;

/**
 * The schema of a file, as JSON.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID if the file is too large or no JSON
 */
export async function readSchema(file: string): Promise<unknown> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true)
    throw new SlmError("INPUT_MISSING", `${file}: no such file: expected a JSON Schema`);
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

/**
 * Compiles a schema to a constraint over a model's tokens. Where strings are copied from the source, every source has one of its own.
 *
 * @throws SlmError DATA_INVALID, OP_UNSUPPORTED
 */
export async function schemaConstraint(
  schema: unknown,
  modelDirectory: string,
): Promise<NonNullable<GenerateOptions["constraint"]>> {
  const grammar = jsonSchemaGrammar(schema, "");
  const { tokens } = await readDeviceModel(modelDirectory);
  const pieces = await loadTokenPieces(modelDirectory);
  if (copiesSource(JSON.stringify(schema)))
    return (source) => constrainTokens(jsonSchemaGrammar(schema, source), pieces, { eos: tokens.eos });
  const constraint = constrainTokens(grammar, pieces, { eos: tokens.eos });
  return () => constraint;
}
