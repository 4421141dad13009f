/** Reads values of attributes for the limits of profiles. */
import type { GraphNode } from "@slm/onnx";
import type { AttributeLimit } from "../profiles/profile.js";
import { axisOf } from "../shapes/facts.js";
import type { PlacedNode } from "../graph/scope.js";

/**
 * The value of an attribute, or its operator's default; "?" if it is not a number or text. A list that must be ones is 1 if it consists of
 * ones, otherwise its text.
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

/** Whether a limit allows a value of an attribute. */
export function isAllowed(
  { node, scope }: PlacedNode,
  value: number | string,
  { allowed }: Pick<AttributeLimit, "allowed">,
): boolean {
  if (allowed === "ones") return value === 1;
  if (allowed !== "last-axis") return allowed.includes(value);
  const rank = scope.of(node.inputs[0] ?? "").shape?.length;
  if (typeof value !== "number") return false;
  return rank === undefined ? value === -1 : axisOf(value, rank) === rank - 1;
}
