/** Rewrites a float32 graph with quantized weights. */
import { tableFormat, type WeightFormat } from "@slm/devices";
import { setImmediate as nextTurn } from "node:timers/promises";
import { throwIfInterrupted } from "@slm/core";
import {
  checkGraph,
  valuesRead,
  type Graph,
  type GraphNode,
  type Initializer,
  type Subgraph,
} from "@slm/onnx";
import { blockMethods } from "../weights/block-method.js";
import { float32sOf } from "../weights/float-bytes.js";
import { notFinite } from "../weights/non-finite.js";
import { GraphParts } from "./graph-parts.js";
import { rejectQuantized } from "./reject-quantized.js";
import { quantizeWeightBlocks } from "./block-nodes.js";
import { quantizeWeightInt8 } from "./int8-nodes.js";
import { pathTo, readersOf, scopesOf, withBodies, type GraphScope, type WeightScope } from "./scopes.js";
import type { Gram } from "../weights/quantize-blocks.js";
import type { WeightMatrix } from "../weights/weight-matrix.js";
import type { FormatOptions, QuantizeWeight, QuantizedWeight, SharedWeight } from "./weight-format.js";
import { findWeightUses, type WeightUse } from "./weight-uses.js";

export interface QuantizedNode {
  /** The node, whose name the rewrite keeps, after the names of the nodes around it if it is in a body. */
  readonly name: string;
  readonly weight: string;
  /** Format of the weight, or the types of activations and weight for static schemes. */
  readonly scheme: string;
  /** ||w - dequantized|| / ||w|| of its weight, Frobenius norms. */
  readonly relativeError: number;
}

export interface SkippedWeight {
  /** The initializer that stays float32, after the names of the nodes around it if it is in a body. */
  readonly name: string;
  readonly reason: string;
}

export interface QuantizedGraph {
  readonly graph: Graph;
  readonly nodes: readonly QuantizedNode[];
  readonly skipped: readonly SkippedWeight[];
}

export interface QuantizeGraphOptions extends FormatOptions {
  /** Format of every weight that is not in `formats`. */
  readonly format: WeightFormat;
  /** Format by weight. */
  readonly formats?: ReadonlyMap<string, WeightFormat>;
  /** Gram matrices of the weights' activations, for method `gptq`. */
  readonly grams?: ReadonlyMap<string, Gram> | undefined;
  /** Called before each weight. */
  readonly onWeight?: ((name: string, done: number, total: number, format: WeightFormat) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One row per format. A format without a row is a compile error. */
const FORMATS: Readonly<Record<Exclude<WeightFormat, "float32">, QuantizeWeight>> = {
  "int8-dynamic": quantizeWeightInt8,
  "int8-block": quantizeWeightBlocks(8),
  "int4-block": quantizeWeightBlocks(4),
  "int2-block": quantizeWeightBlocks(2),
};

/** Smaller float32 matrices are constants of formulas, not weights, and are not reported. */
const REPORTED_BYTES = 1024;

function matrixOf(initializer: Initializer, layout: WeightMatrix["layout"]): WeightMatrix {
  const [rows, columns] = initializer.shape as readonly [number, number];
  const sizes =
    layout === "inputs-first" ? { inputs: rows, outputs: columns } : { inputs: columns, outputs: rows };
  return { name: initializer.name, values: float32sOf(initializer), layout, ...sizes };
}

/** Groups uses of the same weight along the same axis, which share one quantized form. */
function groupUses(
  { initializers }: WeightScope,
  uses: readonly WeightUse[],
): { weight: SharedWeight; uses: WeightUse[] }[] {
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
    const matrix = matrixOf(initializers.get(name)!, layout);
    return { weight: { name, matrix, isLinear, isEmbedding }, uses: group };
  });
}

function replaceUse(use: WeightUse, quantized: QuantizedWeight, original: GraphNode): readonly GraphNode[] {
  return use.kind === "linear" ? quantized.linear(use, original) : quantized.embedding(use, original);
}

/** The changes of a graph or of one of its bodies. */
interface ScopeWork {
  readonly scope: GraphScope;
  readonly groups: ReturnType<typeof groupUses>;
  readonly uses: readonly WeightUse[];
  readonly formatOf: (use: WeightUse) => WeightFormat;
  /** Reasons why weights do not change, by name. */
  readonly rejections: ReadonlyMap<string, string>;
  /** Replacements by index of the node in the scope. An empty list removes the node. */
  readonly replaced: Map<number, readonly GraphNode[]>;
}

/**
 * First opsets whose operators can read quantized rows of a table, Infinity if the format is not for tables: Mul broadcasts in the current way, and Slice has its ends as inputs.
 * Products become one node of domain com.microsoft at every opset.
 */
const ROWS_OPSET: Readonly<Record<WeightFormat, number>> = {
  float32: 1,
  "int8-dynamic": 7,
  "int8-block": 10,
  "int4-block": 10,
  "int2-block": Infinity,
};

function planScope(
  scope: GraphScope,
  { format, formats }: Pick<QuantizeGraphOptions, "format" | "formats">,
  whyNot: (weight: Initializer) => string | undefined,
  opset: number,
): ScopeWork {
  const { visible, path } = scope;
  const found = findWeightUses(visible);
  // `formats` contains only the tables of the graph itself. Tables in bodies get their format here.
  const ofBody = path === "" ? format : tableFormat(format);
  const tables = new Set(found.uses.filter(({ kind }) => kind === "embedding").map(({ weight }) => weight));
  const formatOf = ({ weight }: WeightUse): WeightFormat =>
    formats?.get(weight) ?? (tables.has(weight) ? ofBody : format);
  const reasonOf = (use: WeightUse): string | undefined => {
    const chosen = formatOf(use);
    if (chosen === "float32") return "excluded from quantization";
    const least = use.kind === "embedding" ? ROWS_OPSET[chosen] : 1;
    if (least === Infinity) return `an embedding table needs at least 4 bits per weight, not ${chosen}`;
    if (opset < least) return `embedding rows in ${chosen} need opset ${least}, the model has ${opset}`;
    return whyNot(visible.initializers.get(use.weight)!);
  };
  const rejections = new Map(found.rejections);
  for (const use of found.uses) {
    const reason = reasonOf(use);
    if (reason !== undefined) rejections.set(use.weight, reason);
  }
  const uses = found.uses.filter((use) => reasonOf(use) === undefined);
  return { scope, groups: groupUses(visible, uses), uses, formatOf, rejections, replaced: new Map() };
}

/** Replaces the nodes of a graph or body, also in nested bodies, and removes initializers that are no longer read. */
function rebuild(body: Subgraph, works: ReadonlyMap<Subgraph, ScopeWork>): Subgraph {
  const { replaced } = works.get(body)!;
  const nodes = body.nodes.flatMap((node, index) => {
    const added = replaced.get(index);
    return added ?? [withBodies(node, (inner) => rebuild(inner, works))];
  });
  const read = new Set([...nodes.flatMap(valuesRead), ...body.outputs.map(({ name }) => name)]);
  return {
    ...body,
    nodes,
    initializers: new Map([...body.initializers].filter(([name]) => read.has(name))),
  };
}

function assemble(graph: Graph, works: ReadonlyMap<Subgraph, ScopeWork>, parts: GraphParts): Graph {
  const { nodes, initializers } = rebuild(graph, works);
  const read = new Set([...nodes.flatMap(valuesRead), ...graph.outputs.map(({ name }) => name)]);
  const added = [...parts.initializers].filter(([name]) => read.has(name));
  const result = {
    ...graph,
    nodes,
    initializers: new Map([...initializers, ...added]),
    opsets: { "com.microsoft": 1, ...graph.opsets },
  };
  checkGraph(result);
  return result;
}

/** The matrices that are still float32, with the reason. */
function listSkipped(
  result: Graph,
  works: readonly ScopeWork[],
  added: ReadonlyMap<string, unknown>,
): SkippedWeight[] {
  const readers = readersOf(result);
  const rejections = new Map(works.flatMap((work) => [...work.rejections]));
  return scopesOf(result).flatMap((scope) =>
    [...scope.body.initializers.values()]
      .filter(({ name, dtype, shape, data }) => {
        if (added.has(name)) return false;
        const isMatrix = dtype === "float32" && shape.length > 1 && data.byteLength >= REPORTED_BYTES;
        return isMatrix || rejections.has(name);
      })
      .map(({ name }) => {
        const operators = [...(readers.get(name) ?? [])].join(", ");
        const reason = rejections.get(name) ?? `read by ${operators}, which needs float32`;
        return { name: pathTo(scope, name), reason };
      }),
  );
}

/** Quantized forms by weight, because a body can read a weight that the outer graph also reads. */
class Forms {
  readonly #forms = new Map<Initializer, Map<string, QuantizedWeight>>();

  async of(
    weight: Initializer,
    key: string,
    make: () => ReturnType<QuantizeWeight>,
  ): Promise<QuantizedWeight> {
    const known = this.#forms.get(weight) ?? new Map<string, QuantizedWeight>();
    this.#forms.set(weight, known);
    const form = known.get(key) ?? (await make());
    known.set(key, form);
    return form;
  }
}

/**
 * Quantizes every matrix that `MatMul`, `Gemm`, `FusedMatMul` or `Gather` reads as a weight, also in bodies of `If`, `Loop` and `Scan`.
 * Norms, biases, rotary tables, products of two activations, and weights with numbers that are not finite do not change.
 *
 * A bias that is added directly after a product moves into the quantized node. A weight is quantized once, even if several nodes read it.
 * Nodes, inputs and outputs keep their names. The input graph is not changed.
 *
 * @throws SlmError DATA_INVALID if the graph is already quantized; INTERRUPTED.
 */
export async function quantizeGraph(graph: Graph, options: QuantizeGraphOptions): Promise<QuantizedGraph> {
  rejectQuantized(graph);
  const { grams, onWeight, signal } = options;
  const reasons = new Map<Initializer, string | undefined>();
  const whyNot = (weight: Initializer): string | undefined => {
    if (!reasons.has(weight)) reasons.set(weight, notFinite(weight));
    return reasons.get(weight);
  };
  const works = scopesOf(graph).map((scope) =>
    planScope(scope, options, whyNot, graph.opsets[""] ?? Infinity),
  );
  const parts = new GraphParts(graph);
  const errors = new Map<WeightUse, number>();
  const forms = new Forms();
  const total = works.reduce((sum, { groups }) => sum + groups.length, 0);
  let done = 0;
  for (const { scope, groups, formatOf, replaced } of works) {
    const inside = scope.path === "" ? options : withoutData(options);
    for (const { weight, uses } of groups) {
      const chosen = formatOf(uses[0]!);
      onWeight?.(weight.name, done, total, chosen);
      done += 1;
      await nextTurn(); // lets an abort signal arrive
      if (signal !== undefined) throwIfInterrupted(signal, "quantize");
      if (chosen === "float32") continue;
      const gram = scope.path === "" ? grams?.get(weight.name) : undefined;
      const initializer = scope.visible.initializers.get(weight.name)!;
      const { isLinear, isEmbedding, matrix } = weight;
      const key = [chosen, matrix.layout, isLinear, isEmbedding].join(" ");
      const quantized = await forms.of(initializer, key, () =>
        FORMATS[chosen]({ ...weight, gram }, parts, inside),
      );
      for (const use of uses) {
        replaced.set(use.node, replaceUse(use, quantized, scope.body.nodes[use.node]!));
        if (use.kind === "linear" && use.add !== undefined) replaced.set(use.add, []);
        errors.set(use, quantized.relativeError);
      }
    }
  }
  const result = assemble(graph, new Map(works.map((work) => [work.scope.body, work])), parts);
  return {
    graph: result,
    nodes: works.flatMap(({ scope, uses, formatOf }) =>
      uses.map((use) => ({
        name: pathTo(scope, scope.body.nodes[use.node]!.name),
        weight: use.weight,
        scheme: formatOf(use),
        relativeError: errors.get(use)!,
      })),
    ),
    skipped: listSkipped(result, works, parts.initializers),
  };
}

/** Probes cannot read values of bodies, so their activations are unknown. */
function withoutData(options: QuantizeGraphOptions): QuantizeGraphOptions {
  const { weights } = options;
  return weights?.method !== undefined && blockMethods[weights.method].needsCalibration
    ? { ...options, weights: { ...weights, method: "search" } }
    : options;
}
