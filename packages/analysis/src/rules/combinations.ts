/** Rules about facts of a node that a device supports one by one, but not together. */
import { shorten } from "@slm/onnx";
import type { Alternatives, AttributeLimit } from "../profiles/profile.js";
import { attributeValue, isAllowed } from "./attribute-value.js";
import { operatorName } from "./finding.js";
import { rejection, shapeText, supportOf, type Rule } from "./rule.js";
import type { PlacedNode } from "./subject.js";

/** The value of an attribute, or the higher rank of the first input and the first output. */
function valueOf(placed: PlacedNode, name: string, limit: AttributeLimit): number | string {
  const { node, scope } = placed;
  if (name !== "rank") return attributeValue(node, name, limit);
  const ranks = [node.inputs[0], node.outputs[0]].map((value) => scope.of(value ?? "").shape?.length ?? 0);
  return Math.max(...ranks);
}

function limitText(name: string, { allowed }: AttributeLimit): string {
  return `${name} ${typeof allowed === "string" ? allowed : allowed.join(" or ")}`;
}

/** The values that violate all alternatives, as a text; undefined if one alternative is met. */
function violation(placed: PlacedNode, alternatives: Alternatives): string | undefined {
  const values = Object.entries(alternatives).map(([name, limit]) => ({
    name,
    limit,
    value: valueOf(placed, name, limit),
  }));
  if (values.some(({ value, limit }) => isAllowed(placed, value, limit))) return undefined;
  return values.map(({ name, value }) => `${name} ${shorten(String(value))}`).join(", ");
}

/** Rule about attributes that are supported only with certain values of other attributes. */
export const combinations: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    for (const alternatives of supportOf(subject, placed)?.combinations ?? []) {
      const found = violation(placed, alternatives);
      if (found === undefined) continue;
      const wanted = Object.entries(alternatives).map(([name, limit]) => limitText(name, limit));
      const message = `${operatorName(placed.node)} with ${found}; ${subject.profile.label} supports only one of these: ${wanted.join("; ")}`;
      findings.about("attribute", placed, rejection(subject, placed, message, "change one of these values"));
    }
  }
};

/** Rule about matrix products whose operands have different axes before the last two. */
export const batches: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const from = supportOf(subject, placed)?.sameBatchFrom;
    const [a, b] = node.inputs.slice(0, 2).map((value) => scope.of(value).shape);
    if (from === undefined || a === undefined || b === undefined || Math.max(a.length, b.length) < from)
      continue;
    if (a.length === b.length && a.slice(0, -2).every((size, axis) => size === b[axis])) continue;
    const message = `${operatorName(node)} of ${shapeText(a)} and ${shapeText(b)}; from ${from} axes on, ${subject.profile.label} needs equal axes before the last two`;
    const advice = "repeat the smaller operand with Expand, or merge axes with Reshape";
    findings.about("rank", placed, rejection(subject, placed, message, advice));
  }
};

/** Rule about operators whose output only the caller of the model can read. */
export const lastOperators: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const isRead = node.outputs.some((value) => scope.readersOf(value).length > 0);
    if (supportOf(subject, placed)?.onlyLast !== true || !isRead) continue;
    const message = `${subject.profile.label} supports ${operatorName(node)} only as the last operator of a model`;
    const advice = "write it as Reshape, InstanceNormalization, Reshape, Mul and Add";
    findings.about("operator", placed, rejection(subject, placed, message, advice));
  }
};
