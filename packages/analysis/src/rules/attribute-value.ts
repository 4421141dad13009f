/** Values of attributes as the limits of profiles read them. */
import type { GraphNode } from "@slm/onnx";
import type { AttributeLimit } from "../profiles/profile.js";

/**
 * The value of an attribute, or the default of its operator; "?" for one that is no number and no text. A list that must be ones is 1
 * if it is, else its text.
 */
export function attributeValue(
  { attributes }: GraphNode,
  name: string,
  { allowed, missing }: Pick<AttributeLimit, "allowed" | "missing">,
): number | string {
  const given = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  if (given === undefined) return missing;
  if (given.kind === "int" || given.kind === "float" || given.kind === "string") return given.value;
  if (given.kind !== "ints" || allowed !== "ones") return "?";
  return given.value.every((value) => value === 1) ? 1 : `[${given.value.join(",")}]`;
}
