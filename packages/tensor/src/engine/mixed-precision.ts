/**
 * Mixed precision: computes products, and operators that only move their operands and results, in 16 bits. Everything else (weights, norms,
 * softmax, losses, sums, optimizers) stays in float32.
 *
 *   x, weight (float32) -> Cast -> product, Reshape, Transpose, ... (16 bits) -> Cast -> the rest (float32)
 *
 * Source: Micikevicius et al. 2018, Mixed Precision Training (arXiv 1710.03740), sections 3.1 and 3.3. Unlike there, sums, activations and
 * residuals stay in float32, which costs memory traffic but no accuracy.
 */
import { SlmError } from "@slm/core";
import { int, ONNX_DTYPES, optimizeGraph, standardNode, type Graph, type GraphNode } from "@slm/onnx";
import { dialectOf, type Precision } from "../recording/dialect.js";
import { originalName } from "./gradient-checkpointing.js";

/** Operators that compute nothing, with the number of inputs that they move. */
const MOVED_INPUTS: Readonly<Record<string, number>> = {
  Reshape: 1,
  Transpose: 1,
  Split: 1,
  Slice: 1,
  Squeeze: 1,
  Unsqueeze: 1,
  Gather: 1,
  Concat: Infinity,
};

type Low = Exclude<Precision, "float32">;

/** @throws SlmError CONFIG_INVALID if the provider cannot compute products in this precision */
export function requirePrecision(precision: Precision, provider: string): void {
  const { precisions } = dialectOf(provider);
  if (precisions.includes(precision)) return;
  throw new SlmError(
    "CONFIG_INVALID",
    `mixedPrecision: provider ${provider} supports ${precisions.join(" or ")}, got ${precision}`,
    {
      context: { provider, precision },
      suggestions: precisions.toReversed().map((other) => `mixedPrecision: ${other}`),
    },
  );
}

/**
 * Lowers the precision of a graph's products. Inputs and outputs do not change.
 *
 * @param products names of the nodes to lower; nodes that a backward pass recomputes count as their originals
 */
export function withMixedPrecision(graph: Graph, products: ReadonlySet<string>, precision: Low): Graph {
  const lowered = new Lowered(precision);
  for (const node of graph.nodes) {
    if (products.has(originalName(node.name))) lowered.compute(node, node.inputs.length);
    else if (lowered.isMoveOf16Bits(node)) lowered.compute(node, MOVED_INPUTS[node.opType]!);
    else lowered.nodes.push(node);
  }
  return optimizeGraph({ ...graph, nodes: lowered.nodes });
}

class Lowered {
  readonly nodes: GraphNode[] = [];
  readonly #precision: Low;
  /** The 16-bit value by the name of the float32 value. */
  readonly #low = new Map<string, string>();
  /** Values that a node computed in 16 bits; the others in `#low` are casts. */
  readonly #computed = new Set<string>();

  constructor(precision: Low) {
    this.#precision = precision;
  }

  /** Whether a node only moves values that were computed in 16 bits, so that the cast back can come after it. */
  isMoveOf16Bits({ opType, domain, inputs }: GraphNode): boolean {
    const moved = inputs.slice(0, domain === "" ? (MOVED_INPUTS[opType] ?? 0) : 0);
    return moved.length > 0 && moved.every((value) => this.#computed.has(value));
  }

  /** Adds the node with its first `count` inputs in 16 bits, and casts of its results to float32, which are removed if nothing reads them. */
  compute(node: GraphNode, count: number): void {
    const inputs = node.inputs.map((value, place) => (place < count ? this.#lowOf(value) : value));
    const outputs = node.outputs.map((value) => this.#nameOf(value));
    this.nodes.push({ ...node, inputs, outputs });
    node.outputs.forEach((value, place) => {
      this.#low.set(value, outputs[place]!);
      this.#computed.add(value);
      this.nodes.push(cast(outputs[place]!, value, "float32"));
    });
  }

  #lowOf(value: string): string {
    const known = this.#low.get(value);
    if (known !== undefined) return known;
    const low = this.#nameOf(value);
    this.nodes.push(cast(value, low, this.#precision));
    this.#low.set(value, low);
    return low;
  }

  #nameOf(value: string): string {
    return `${value}/${this.#precision}`;
  }
}

const cast = (from: string, to: string, dtype: Precision): GraphNode => ({
  ...standardNode("Cast", [from], to, { to: int(ONNX_DTYPES[dtype].code) }),
  name: `${to}/Cast`,
});
