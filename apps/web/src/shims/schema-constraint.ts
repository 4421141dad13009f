/** Replaces grammars of JSON Schemas, which a page has no setting for. */
import { SlmError } from "@slm/core";

export function schemaConstraint(): never {
  throw new SlmError("OP_UNSUPPORTED", "a page does not support JSON Schemas");
}
