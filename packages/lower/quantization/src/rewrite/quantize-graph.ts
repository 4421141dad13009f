/** Rewrites a float32 graph to one whose weights are quantized. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { throwIfInterrupted } from "@slm/artifact";
import { checkGraph, valuesRead, type Graph, type GraphNode, type Initializer } from "@slm/graph";
import { float32sOf } from "../weights/float-bytes.js";
import { GraphParts } from "./graph-parts.js";
import { refuseQuantized } from "./refuse-quantized.js";
import { quantizeWeightBlocks } from "./block-nodes.js";
import { quantizeWeightInt8 } from "./int8-nodes.js";
import type { Gram } from "../weights/quantize-blocks.js";
import type { WeightMatrix } from "../weights/weight-matrix.js";
import type {
  FormatOptions,
  QuantizeWeight,
  QuantizedWeight,
  SharedWeight,
  WeightFormat,
} from "./weight-format.js";
import { findWeightUses, type WeightUse } from "./weight-uses.js";

export interface QuantizedNode {
  /** The node, whose name the rewrite keeps. */
  readonly name: string;
  readonly weight: string;
  /** Format of the weight; types of activations and weight for static schemes. */
  readonly scheme: string;
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
  /** Format of every weight that `formats` does not name. */
  readonly format: WeightFormat;
  /** Format by weight. */
  readonly formats?: ReadonlyMap<string, WeightFormat>;
  /** Sums of products of the activations each weight meets, for method `gptq`. */
  readonly grams?: ReadonlyMap<string, Gram>;
  /** Called before each weight. */
  readonly onWeight?: (name: string, done: number, total: number, format: WeightFormat) => void;
  readonly signal?: AbortSignal;
}

/** One row per format: a format without a row does not compile. */
const FORMATS: Readonly<Record<Exclude<WeightFormat, "float32">, QuantizeWeight>> = {
  "int8-dynamic": quantizeWeightInt8,
  "int8-block": quantizeWeightBlocks(8),
  "int4-block": quantizeWeightBlocks(4),
};

/** Float32 matrices below this are not worth a line of the report: constants of formulas, not weights. */
const REPORTED_BYTES = 1024;

function matrixOf(initializer: Initializer, layout: WeightMatrix["layout"]): WeightMatrix {
  const [rows, columns] = initializer.shape as readonly [number, number];
  const sizes =
    layout === "inputs-first" ? { inputs: rows, outputs: columns } : { inputs: columns, outputs: rows };
  return { name: initializer.name, values: float32sOf(initializer), layout, ...sizes };
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
  const { format, formats, grams, onWeight, signal } = options;
  const found = findWeightUses(graph);
  const formatOf = (weight: string): WeightFormat => formats?.get(weight) ?? format;
  const uses = found.uses.filter(({ weight }) => formatOf(weight) !== "float32");
  const refusals = new Map(found.refusals);
  for (const { weight } of found.uses)
    if (formatOf(weight) === "float32") refusals.set(weight, "kept by choice");
  const groups = groupUses(graph, uses);
  const parts = new GraphParts(graph);
  const replaced = new Map<number, readonly GraphNode[]>();
  const errors = new Map<WeightUse, number>();
  for (const [done, { weight, uses: shared }] of groups.entries()) {
    const chosen = formatOf(weight.name);
    onWeight?.(weight.name, done, groups.length, chosen);
    await nextTurn(); // lets a signal arrive
    if (signal !== undefined) throwIfInterrupted(signal, "quantize");
    if (chosen === "float32") continue;
    const gram = grams?.get(weight.name);
    const quantized = await FORMATS[chosen](
      { ...weight, ...(gram === undefined ? {} : { gram }) },
      parts,
      options,
    );
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
      scheme: formatOf(use.weight),
      relativeError: errors.get(use)!,
    })),
    skipped: listSkipped(graph, result, refusals),
  };
}
