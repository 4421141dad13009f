/**
 * Gives a tied output head its own copy of the weights, for devices.
 *
 *   table -> Gather            table -> Gather
 *        \-> product    ->     table_head -> product
 *
 * The embedding table has the type of activations and one scale, because its rows become activations. Weights of products have 8 bits and a
 * scale per output: Qualcomm's compiler (onnxruntime-qnn 2.7.0) rejects 16-bit weights with 16-bit activations unless they are symmetric,
 * and for Hexagon v69 always. A decoder step reads one row of the table and every row of the head.
 */
import type { Graph, Initializer } from "@slm/onnx";
import { GraphParts } from "../rewrite/graph-parts.js";
import { findWeightUses, type LinearUse } from "../rewrite/weight-uses.js";

/** Products with a table that an embedding also reads. */
function tiedProducts(graph: Graph): readonly LinearUse[] {
  const { uses } = findWeightUses(graph);
  const tables = new Set(uses.flatMap(({ kind, weight }) => (kind === "embedding" ? [weight] : [])));
  return uses.filter((use): use is LinearUse => use.kind === "linear" && tables.has(use.weight));
}

/** Both share the same bytes until they are quantized. */
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

/** Weights of products that share the bytes of a table, as `withOwnHeads` creates them. */
export function headsOfTables({ initializers }: Graph, tables: ReadonlySet<string>): ReadonlySet<string> {
  const isSame = (one: Initializer, other: Initializer): boolean =>
    one.data.buffer === other.data.buffer && one.data.byteOffset === other.data.byteOffset;
  const stored = [...tables].map((name) => initializers.get(name)!);
  const heads = [...initializers.values()].filter((own) => stored.some((table) => isSame(own, table)));
  return new Set(heads.map(({ name }) => name));
}
