/** Rules about facts of a node that a device supports one by one, but not together. */
import { shorten } from "@slm/onnx";
import type { Alternatives, AttributeLimit } from "../profiles/profile.js";
import { attributeValue, isAllowed } from "./attribute-value.js";
import { operatorName } from "../graph/finding.js";
import { rejection, supportOf, type Rule } from "./rule.js";
import { quantizedTypeOf } from "../graph/quantized-graph.js";
import { dataTypeOf } from "./signatures.js";
import type { PlacedNode } from "../graph/scope.js";
import type { Subject } from "./subject.js";

/**
 * The value of an attribute; for `rank` the higher rank of the first input and the first output, for `type` the element type of the data, and
 * for `quantized` the type of activations between Q and DQ, or `none`.
 */
function valueOf(
  subject: Subject,
  placed: PlacedNode,
  { name, limit }: { readonly name: string; readonly limit: AttributeLimit },
): number | string {
  const { node, scope } = placed;
  if (name === "type") return dataTypeOf(placed, supportOf(subject, placed)) ?? "";
  if (name === "quantized") return quantizedTypeOf(subject.profile, placed) ?? "none";
  if (name !== "rank") return attributeValue(node, name, limit);
  const ranks = [node.inputs[0], node.outputs[0]].map((value) => scope.of(value ?? "").shape?.length ?? 0);
  return Math.max(...ranks);
}

function limitText(name: string, { allowed }: AttributeLimit): string {
  return `${name} ${typeof allowed === "string" ? allowed : allowed.join(" or ")}`;
}

/** The values that violate all alternatives, as a text; undefined if one alternative is met. */
function violation(subject: Subject, placed: PlacedNode, alternatives: Alternatives): string | undefined {
  const values = Object.entries(alternatives).map(([name, limit]) => ({
    name,
    limit,
    value: valueOf(subject, placed, { name, limit }),
  }));
  if (values.some(({ value, limit }) => isAllowed(placed, value, limit))) return undefined;
  return values.map(({ name, value }) => `${name} ${shorten(String(value))}`).join(", ");
}

/** Rule about attributes that are supported only with certain values of other attributes. */
export const combinations: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    for (const alternatives of supportOf(subject, placed)?.combinations ?? []) {
      const found = violation(subject, placed, alternatives);
      if (found === undefined) continue;
      const wanted = Object.entries(alternatives).map(([name, limit]) => limitText(name, limit));
      const message = `${operatorName(placed.node)} with ${found}; ${subject.profile.label} supports only one of these: ${wanted.join("; ")}`;
      findings.about("attribute", placed, rejection(subject, placed, message, "change one of these values"));
    }
  }
};
