/**
 * Gives an output head that is tied to the embedding weights of its own, for devices.
 *
 *   table -> Gather            table -> Gather
 *        \-> product    ->     table_head -> product
 *
 * What is looked up has the type of activations and one scale, because it becomes an activation. Weights of products have 8 bits
 * and a scale per output: Qualcomm's compiler (onnxruntime-qnn 2.7.0) rejects products of 16-bit activations with 16-bit weights that are not
 * symmetric, and those for Hexagon v69 with any 16-bit weights. A step of the decoder reads one row of the table and every row of the head.
 */
import type { Graph, Initializer } from "@slm/onnx";
import { GraphParts } from "../rewrite/graph-parts.js";
import { findWeightUses, type LinearUse } from "../rewrite/weight-uses.js";

/** Products with a table that an embedding reads as well. */
function tiedProducts(graph: Graph): readonly LinearUse[] {
  const { uses } = findWeightUses(graph);
  const tables = new Set(uses.flatMap(({ kind, weight }) => (kind === "embedding" ? [weight] : [])));
  return uses.filter((use): use is LinearUse => use.kind === "linear" && tables.has(use.weight));
}

/** Both read the same bytes until they are quantized. */
export function withOwnHeads(graph: Graph): Graph {
  const tied = tiedProducts(graph);
  if (tied.length === 0) return graph;
  const parts = new GraphParts(graph);
  const copies = new Map<string, string>();
  for (const { weight } of tied) {
    const { dtype, shape, data } = graph.initializers.get(weight)!;
    if (!copies.has(weight)) copies.set(weight, parts.initializer(`${weight}_head`, dtype, shape, data));
  }
  const nodes = [...graph.nodes];
  for (const { node, weight } of tied) {
    const { inputs, ...rest } = nodes[node]!;
    nodes[node] = { ...rest, inputs: inputs.map((name) => (name === weight ? copies.get(weight)! : name)) };
  }
  return { ...graph, nodes, initializers: new Map([...graph.initializers, ...parts.initializers]) };
}

/** Weights of products over the very bytes of a table: those that `withOwnHeads` made. */
export function headsOfTables({ initializers }: Graph, tables: ReadonlySet<string>): ReadonlySet<string> {
  const isSame = (one: Initializer, other: Initializer): boolean =>
    one.data.buffer === other.data.buffer && one.data.byteOffset === other.data.byteOffset;
  const stored = [...tables].map((name) => initializers.get(name)!);
  const heads = [...initializers.values()].filter((own) => stored.some((table) => isSame(own, table)));
  return new Set(heads.map(({ name }) => name));
}
