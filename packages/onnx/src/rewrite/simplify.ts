/** Rules that replace a node with a simpler one or a value, with bitwise equal results. */
import { attributeOf, ints } from "../graph/attributes.js";
import { dtypeOfCode } from "../graph/dtypes.js";
import type { GraphNode } from "../graph/graph.js";
import type { Facts } from "./facts.js";

/** `value`: the node's only output equals an existing value. `node`: a simpler node computes the same output. */
export type Simpler =
  { readonly kind: "value"; readonly value: string } | { readonly kind: "node"; readonly node: GraphNode };

type Rule = (node: GraphNode, facts: Facts) => Simpler | undefined;

const same = (left: readonly number[], right: readonly number[]): boolean =>
  left.length === right.length && left.every((value, index) => value === right[index]);

/** The node that computes `value`, if it is this standard ONNX operator. */
function producer(value: string, opType: string, facts: Facts): GraphNode | undefined {
  const node = facts.producerOf(value);
  return node?.opType === opType && node.domain === "" ? node : undefined;
}

const identity: Rule = ({ inputs }) => ({ kind: "value", value: inputs[0]! });

/** Cast to the type of its input. */
const cast: Rule = (node, facts) => {
  const value = node.inputs[0]!;
  const to = dtypeOfCode(attributeOf(node, "to", "int") ?? 0);
  return to !== undefined && to === facts.dtypeOf(value) ? { kind: "value", value } : undefined;
};

function permutationOf(node: GraphNode): readonly number[] | undefined {
  const permutation = attributeOf(node, "perm", "ints");
  const isPermutation =
    permutation !== undefined &&
    same(
      [...permutation].sort((a, b) => a - b),
      [...permutation.keys()],
    );
  return isPermutation ? permutation : undefined;
}

/** An identity Transpose, or two consecutive ones that merge: axis i of the second is axis first[second[i]] of the source. */
const transpose: Rule = (node, facts) => {
  const second = permutationOf(node);
  if (second === undefined) return undefined;
  const value = node.inputs[0]!;
  if (same(second, [...second.keys()])) return { kind: "value", value };
  const before = producer(value, "Transpose", facts);
  const first = before === undefined ? undefined : permutationOf(before);
  if (before === undefined || first?.length !== second.length) return undefined;
  const both = second.map((axis) => first[axis]!);
  if (same(both, [...both.keys()])) return { kind: "value", value: before.inputs[0]! };
  const attributes = { ...node.attributes, perm: ints(both) };
  return { kind: "node", node: { ...node, inputs: [before.inputs[0]!], attributes } };
};

/**
 * Reshape to the shape of its input, or Reshape of a Reshape. A 0 copies a dimension of the direct input (unless `allowzero`), so such a
 * shape needs the first Reshape; a -1 follows from the number of elements, which no Reshape changes.
 */
const reshape: Rule = (node, facts) => {
  const [value, shapeName] = node.inputs;
  if (value === undefined || shapeName === undefined) return undefined;
  const shape = facts.integersOf(shapeName);
  if (shape === undefined) return undefined;
  const zeroCopies = attributeOf(node, "allowzero", "int") !== 1;
  const known = facts.shapeOf(value);
  if (known !== undefined && same(shape, known) && !shape.includes(-1)) return { kind: "value", value };
  if (zeroCopies && shape.includes(0)) return undefined;
  const before = producer(value, "Reshape", facts);
  if (before === undefined) return undefined;
  return { kind: "node", node: { ...node, inputs: [before.inputs[0]!, shapeName] } };
};

const RULES: ReadonlyMap<string, Rule> = new Map([
  ["Identity", identity],
  ["Cast", cast],
  ["Transpose", transpose],
  ["Reshape", reshape],
]);

/** The simplest form of a node; undefined if no rule applies. */
export function simplify(node: GraphNode, facts: Facts): Simpler | undefined {
  let simpler: Simpler | undefined;
  for (let at = node; at.domain === "" && (at.inputs[0] ?? "") !== "";) {
    const next = RULES.get(at.opType)?.(at, facts);
    if (next === undefined) break;
    simpler = next;
    if (next.kind === "value") break;
    at = next.node;
  }
  return simpler;
}
