/** Turns a JSON Schema into a constraint on generated text. */
import { constrainTokens, copiesSource, jsonSchemaGrammar } from "@slm/generation";
import { tokenPieces } from "@slm/tokenizer";
import type { ModelDescription } from "../load/describe-model.js";
import type { GenerateOptions } from "../options/types.js";

/**
 * Compiles a schema to a constraint over a model's tokens. If strings are copied from the source, every source has its own constraint.
 *
 * @throws SlmError DATA_INVALID, OP_UNSUPPORTED
 */
export function schemaConstraint(
  schema: unknown,
  { model: { tokens }, tokenizerFiles }: Pick<ModelDescription, "model" | "tokenizerFiles">,
): NonNullable<GenerateOptions["constraint"]> {
  const grammar = jsonSchemaGrammar(schema, "");
  const pieces = tokenPieces(tokenizerFiles);
  if (copiesSource(JSON.stringify(schema)))
    return (source) => constrainTokens(jsonSchemaGrammar(schema, source), pieces, { eos: tokens.eos });
  const constraint = constrainTokens(grammar, pieces, { eos: tokens.eos });
  return () => constraint;
}
