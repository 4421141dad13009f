/** Detects nodes that compute the same value: equal operator, inputs and attributes, and not random. */
import { createHash } from "node:crypto";
import type { AttributeValue, GraphNode } from "../graph/graph.js";
import { subgraphsOf } from "../wiring/uses.js";

/** Operators of ONNX that draw random numbers. */
export const RANDOM_OPERATORS: ReadonlySet<string> = new Set([
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "Multinomial",
  "Bernoulli",
]);

/** Random operators, which are never merged. */
const RANDOM: ReadonlySet<string> = new Set([
  ...RANDOM_OPERATORS,
  "Dropout",
  "BiasDropout",
  "BitmaskDropout",
  "BitmaskBiasDropout",
]);

function attributeKey(name: string, attribute: AttributeValue): unknown {
  if (attribute.kind === "tensor") {
    const { dtype, shape, data } = attribute.value;
    return [name, "tensor", dtype, shape, createHash("sha256").update(data).digest("base64")];
  }
  // JSON writes -0 as 0 and NaN as null, so this writes them as text; Object.is distinguishes -0 from 0.
  const exact = (value: unknown): unknown =>
    Object.is(value, -0) ? "-0" : typeof value === "number" ? String(value) : value;
  const { kind, value } = attribute;
  return [name, kind, Array.isArray(value) ? value.map(exact) : exact(value)];
}

/** A key that is equal for two nodes only if they compute the same value; undefined for a node that must not be merged. */
export function expressionKey(node: GraphNode): string | undefined {
  if (RANDOM.has(node.opType) || subgraphsOf(node).length > 0) return undefined;
  const attributes = Object.keys(node.attributes)
    .sort()
    .map((name) => attributeKey(name, node.attributes[name]!));
  const outputs = node.outputs.map((output) => output !== "");
  return JSON.stringify([node.domain, node.opType, node.inputs, outputs, attributes]);
}
