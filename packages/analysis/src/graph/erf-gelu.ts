/** Detects Gelu written with Erf, a pattern of exporters that runtimes fuse. */
import type { GraphNode } from "@slm/onnx";
import type { PlacedNode, Scope } from "./scope.js";

const near = (a: number | undefined, b: number): boolean => a !== undefined && Math.abs(a - b) < 1e-3;

/** The other operand of a node with the constant operand `value`; undefined if neither operand is that constant. */
function otherThan(node: GraphNode, value: number, scope: Scope): string | undefined {
  const isValue = (name: string): boolean => {
    const { elements } = scope.of(name);
    return elements?.length === 1 && typeof elements[0] === "number" && near(elements[0], value);
  };
  const place = node.inputs.findIndex(isValue);
  return place === -1 ? undefined : node.inputs[1 - place];
}

/** The only node that reads the first output of `node`. */
function onlyReader(node: GraphNode, scope: Scope): GraphNode | undefined {
  const uses = scope.index.usesOf(node.outputs[0] ?? "");
  return uses.length === 1 && !scope.index.isOutput(node.outputs[0] ?? "") ? uses[0]?.node : undefined;
}

/**
 * Whether an Erf is part of `x * 0.5 * (1 + erf(x / sqrt 2))`, with the factors in any order.
 * Source: gelu_fusion.h of ONNX Runtime's QNN provider.
 *
 * ```
 * x ──► Div sqrt 2 ──► Erf ──► Add 1 ──► Mul x ──► Mul 0.5
 * ```
 */
export function isErfGelu({ node, scope }: PlacedNode): boolean {
  const scaled = scope.index.producerOf(node.inputs[0] ?? "")?.node;
  const x =
    scaled?.opType === "Div"
      ? otherThan(scaled, Math.SQRT2, scope)
      : scaled?.opType === "Mul"
        ? otherThan(scaled, Math.SQRT1_2, scope)
        : undefined;
  const add = onlyReader(node, scope);
  if (x === undefined || add?.opType !== "Add" || otherThan(add, 1, scope) === undefined) return false;
  return onlyReader(add, scope)?.opType === "Mul";
}
