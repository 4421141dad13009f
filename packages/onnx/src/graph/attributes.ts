/** Attributes of nodes: constructors for writing, typed getters for reading. */
import type { AttributeKinds, AttributeValue, GraphNode, Subgraph, TensorValue } from "./graph.js";

/** An integer attribute. */
export const int = (value: number): AttributeValue => ({ kind: "int", value });
/** A float attribute; the file keeps the nearest float32. */
export const float = (value: number): AttributeValue => ({ kind: "float", value });
/** A string attribute. */
export const text = (value: string): AttributeValue => ({ kind: "string", value });
/** A list of integers. */
export const ints = (value: readonly number[]): AttributeValue => ({ kind: "ints", value });
/** A list of floats; the file keeps the nearest float32 of each. */
export const floats = (value: readonly number[]): AttributeValue => ({ kind: "floats", value });
/** A list of strings. */
export const texts = (value: readonly string[]): AttributeValue => ({ kind: "strings", value });
/** A tensor, for `Constant` and `ConstantOfShape`. */
export const tensor = (value: TensorValue): AttributeValue => ({ kind: "tensor", value });
/** The body of a control-flow node. */
export const subgraph = (value: Subgraph): AttributeValue => ({ kind: "graph", value });

type Reader<Kind extends keyof AttributeKinds> = (
  attribute: AttributeValue,
) => AttributeKinds[Kind] | undefined;

const READ: { readonly [Kind in keyof AttributeKinds]: Reader<Kind> } = {
  int: (attribute) => (attribute.kind === "int" ? attribute.value : undefined),
  float: (attribute) => (attribute.kind === "float" ? attribute.value : undefined),
  string: (attribute) => (attribute.kind === "string" ? attribute.value : undefined),
  ints: (attribute) => (attribute.kind === "ints" ? attribute.value : undefined),
  floats: (attribute) => (attribute.kind === "floats" ? attribute.value : undefined),
  strings: (attribute) => (attribute.kind === "strings" ? attribute.value : undefined),
  tensor: (attribute) => (attribute.kind === "tensor" ? attribute.value : undefined),
  graph: (attribute) => (attribute.kind === "graph" ? attribute.value : undefined),
};

/** The value of a node's attribute; undefined if the node has no attribute of that name and kind. */
export function attributeOf<Kind extends keyof AttributeKinds>(
  node: GraphNode,
  name: string,
  kind: Kind,
): AttributeKinds[Kind] | undefined {
  const attribute = Object.hasOwn(node.attributes, name) ? node.attributes[name] : undefined;
  return attribute === undefined ? undefined : READ[kind](attribute);
}
