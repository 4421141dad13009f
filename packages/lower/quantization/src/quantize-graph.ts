/** Rewrites a float32 graph to one whose weights are quantized. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { throwIfInterrupted } from "@slm/artifact";
import { SlmError } from "@slm/error";
import { checkGraph, valuesRead, type Graph, type GraphNode, type Initializer } from "@slm/graph";
import { GraphParts } from "./graph-parts.js";
import { quantizeWeightInt4 } from "./int4-nodes.js";
import { quantizeWeightInt8 } from "./int8-nodes.js";
import type { WeightFormat } from "./schemes.js";
import type { FormatOptions, QuantizeWeight, QuantizedWeight, SharedWeight } from "./weight-format.js";
import type { WeightMatrix } from "./weight-matrix.js";
import { findWeightUses, type WeightUse } from "./weight-uses.js";

export interface QuantizedNode {
  /** The node, whose name the rewrite keeps. */
  readonly name: string;
  readonly weight: string;
  readonly scheme: WeightFormat;
  /** ||w - dequantized|| / ||w|| of its weight, Frobenius norms. */
  readonly relativeError: number;
}

export interface SkippedWeight {
  /** The initializer that stays float32. */
  readonly name: string;
  readonly reason: string;
}

export interface QuantizedGraph {
  readonly graph: Graph;
  readonly nodes: readonly QuantizedNode[];
  readonly skipped: readonly SkippedWeight[];
}

export interface QuantizeGraphOptions extends FormatOptions {
  readonly format: WeightFormat;
  /** Called before each weight. */
  readonly onWeight?: (name: string, done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** One row per format: a format without a row does not compile. */
const FORMATS: Readonly<Record<WeightFormat, QuantizeWeight>> = {
  "int8-dynamic": quantizeWeightInt8,
  "int4-block": quantizeWeightInt4,
};

/** Operators whose weights are quantized already. */
const QUANTIZED_OPERATORS: ReadonlySet<string> = new Set([
  "MatMulNBits",
  "MatMulBnb4",
  "GatherBlockQuantized",
  "DynamicQuantizeMatMul",
  "MatMulIntegerToFloat",
  "MatMulInteger",
  "QLinearMatMul",
  "DynamicQuantizeLinear",
  "QuantizeLinear",
  "DequantizeLinear",
]);

/** Float32 matrices below this are not worth a line of the report: constants of formulas, not weights. */
const REPORTED_BYTES = 1024;

function refuseQuantized(graph: Graph): void {
  const node = graph.nodes.find(({ opType }) => QUANTIZED_OPERATORS.has(opType));
  if (node === undefined) return;
  throw new SlmError(
    "DATA_INVALID",
    `quantize: graph '${graph.name}' is quantized already: node '${node.name}' is ${node.opType}`,
    { suggestions: ["quantize the float32 export: slm quantize EXPORT_DIR --scheme cpu"] },
  );
}

/** The numbers of a float32 initializer; copied only where its bytes do not start at a multiple of four. */
function valuesOf({ data }: Initializer): Float32Array {
  const aligned = data.byteOffset % 4 === 0 ? data : data.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}

function matrixOf(initializer: Initializer, layout: WeightMatrix["layout"]): WeightMatrix {
  const [rows, columns] = initializer.shape as readonly [number, number];
  const sizes =
    layout === "inputs-first" ? { inputs: rows, outputs: columns } : { inputs: columns, outputs: rows };
  return { name: initializer.name, values: valuesOf(initializer), layout, ...sizes };
}

/** Uses that can share one quantized form: the same weight, read along the same axis. */
function groupUses(graph: Graph, uses: readonly WeightUse[]): { weight: SharedWeight; uses: WeightUse[] }[] {
  const groups = new Map<string, WeightUse[]>();
  for (const use of uses) {
    const key = `${use.layout} ${use.weight}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [use]);
    else group.push(use);
  }
  return [...groups.values()].map((group) => {
    const { weight: name, layout } = group[0]!;
    const isLinear = group.some(({ kind }) => kind === "linear");
    const isEmbedding = group.some(({ kind }) => kind === "embedding");
    const matrix = matrixOf(graph.initializers.get(name)!, layout);
    return { weight: { name, matrix, isLinear, isEmbedding }, uses: group };
  });
}

function replaceUse(use: WeightUse, quantized: QuantizedWeight, original: GraphNode): readonly GraphNode[] {
  return use.kind === "linear" ? quantized.linear(use, original) : quantized.embedding(use, original);
}

/** The graph with `replaced` nodes (an empty list removes one), without initializers that nobody reads any more. */
function assemble(
  graph: Graph,
  replaced: ReadonlyMap<number, readonly GraphNode[]>,
  parts: GraphParts,
): Graph {
  const nodes = graph.nodes.flatMap((node, index) => replaced.get(index) ?? [node]);
  const read = new Set([...nodes.flatMap(valuesRead), ...graph.outputs.map(({ name }) => name)]);
  const kept = [...graph.initializers, ...parts.initializers].filter(([name]) => read.has(name));
  const result = {
    ...graph,
    nodes,
    initializers: new Map(kept),
    opsets: { "com.microsoft": 1, ...graph.opsets },
  };
  checkGraph(result);
  return result;
}

/** Which operators read each value. */
function readersOf(graph: Graph): ReadonlyMap<string, ReadonlySet<string>> {
  const readers = new Map<string, Set<string>>();
  for (const node of graph.nodes) {
    for (const value of valuesRead(node)) {
      const operators = readers.get(value);
      if (operators === undefined) readers.set(value, new Set([node.opType]));
      else operators.add(node.opType);
    }
  }
  return readers;
}

/** The matrices of `original` that `result` still has in float32, with the reason. */
function listSkipped(original: Graph, result: Graph, refusals: ReadonlyMap<string, string>): SkippedWeight[] {
  const readers = readersOf(result);
  return [...original.initializers.values()]
    .filter(({ name, dtype, shape, data }) => {
      if (!result.initializers.has(name)) return false;
      const isMatrix = dtype === "float32" && shape.length > 1 && data.byteLength >= REPORTED_BYTES;
      return isMatrix || refusals.has(name);
    })
    .map(({ name }) => {
      const operators = [...(readers.get(name) ?? [])].join(", ");
      return { name, reason: refusals.get(name) ?? `read by ${operators}, which takes it as float32` };
    });
}

/**
 * Quantizes every matrix that `MatMul`, `Gemm`, `FusedMatMul` or `Gather` reads as a weight, and leaves everything else
 * as it is: norms, biases, rotary caches, products of two activations, bodies of `If` and `Loop`.
 *
 * A bias added right after a product moves into the quantized node. Weights are quantized once however often they are
 * read. The names of nodes, inputs and outputs stay. The graph given is not changed.
 *
 * @throws SlmError DATA_INVALID if the graph is quantized already or a weight is not finite; INTERRUPTED.
 */
export async function quantizeGraph(graph: Graph, options: QuantizeGraphOptions): Promise<QuantizedGraph> {
  refuseQuantized(graph);
  const { format, onWeight, signal } = options;
  const { uses, refusals } = findWeightUses(graph);
  const groups = groupUses(graph, uses);
  const parts = new GraphParts(graph);
  const replaced = new Map<number, readonly GraphNode[]>();
  const errors = new Map<WeightUse, number>();
  for (const [done, { weight, uses: shared }] of groups.entries()) {
    onWeight?.(weight.name, done, groups.length);
    await nextTurn(); // lets a signal arrive
    if (signal !== undefined) throwIfInterrupted(signal, "quantize");
    const quantized = FORMATS[format](weight, parts, options);
    for (const use of shared) {
      replaced.set(use.node, replaceUse(use, quantized, graph.nodes[use.node]!));
      if (use.kind === "linear" && use.add !== undefined) replaced.set(use.add, []);
      errors.set(use, quantized.relativeError);
    }
  }
  const result = assemble(graph, replaced, parts);
  return {
    graph: result,
    nodes: uses.map((use) => ({
      name: graph.nodes[use.node]!.name,
      weight: use.weight,
      scheme: format,
      relativeError: errors.get(use)!,
    })),
    skipped: listSkipped(graph, result, refusals),
  };
}
