/** Values of attributes as the limits of profiles read them. */
import type { GraphNode } from "@slm/onnx";
import type { AttributeLimit } from "../profiles/profile.js";

/** The value of an attribute, or the default of its operator; "?" for one that is no number and no text. */
export function attributeValue(
  { attributes }: GraphNode,
  name: string,
  { missing }: Pick<AttributeLimit, "missing">,
): number | string {
  const given = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  if (given === undefined) return missing;
  return given.kind === "int" || given.kind === "float" || given.kind === "string" ? given.value : "?";
}
