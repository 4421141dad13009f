/** Rewrites a float32 graph to one whose weights are quantized. */
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
import {
  tableFormat,
  type FormatOptions,
  type QuantizeWeight,
  type QuantizedWeight,
  type SharedWeight,
  type WeightFormat,
} from "./weight-format.js";
import { findWeightUses, type WeightUse } from "./weight-uses.js";

export interface QuantizedNode {
  /** The node, whose name the rewrite keeps; behind those around it where it lies in a body. */
  readonly name: string;
  readonly weight: string;
  /** Format of the weight; types of activations and weight for static schemes. */
  readonly scheme: string;
  /** ||w - dequantized|| / ||w|| of its weight, Frobenius norms. */
  readonly relativeError: number;
}

export interface SkippedWeight {
  /** The initializer that stays float32; behind the nodes around it where a body has it. */
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
  readonly grams?: ReadonlyMap<string, Gram> | undefined;
  /** Called before each weight. */
  readonly onWeight?: ((name: string, done: number, total: number, format: WeightFormat) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
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

/** What is to be done in a graph or in one of its bodies. */
interface ScopeWork {
  readonly scope: GraphScope;
  readonly groups: ReturnType<typeof groupUses>;
  readonly uses: readonly WeightUse[];
  readonly formatOf: (use: WeightUse) => WeightFormat;
  /** Why weights stay as they are, by name. */
  readonly rejections: ReadonlyMap<string, string>;
  /** By place in the nodes of the scope; an empty list removes a node. */
  readonly replaced: Map<number, readonly GraphNode[]>;
}

/**
 * Opsets from which on the operators exist that read rows of a table: Mul broadcasts as it does now, Slice takes its ends as inputs.
 * Products become one node of domain com.microsoft, whatever the opset.
 */
const ROWS_OPSET: Readonly<Record<WeightFormat, number>> = {
  float32: 1,
  "int8-dynamic": 7,
  "int8-block": 10,
  "int4-block": 10,
};

function planScope(
  scope: GraphScope,
  { format, formats }: Pick<QuantizeGraphOptions, "format" | "formats">,
  whyNot: (weight: Initializer) => string | undefined,
  opset: number,
): ScopeWork {
  const { visible, path } = scope;
  const found = findWeightUses(visible);
  // `formats` has the tables of the graph itself; those of bodies get the format of tables here.
  const ofBody = path === "" ? format : tableFormat(format);
  const tables = new Set(found.uses.filter(({ kind }) => kind === "embedding").map(({ weight }) => weight));
  const formatOf = ({ weight }: WeightUse): WeightFormat =>
    formats?.get(weight) ?? (tables.has(weight) ? ofBody : format);
  const reasonOf = (use: WeightUse): string | undefined => {
    const chosen = formatOf(use);
    if (chosen === "float32") return "kept by choice";
    const least = use.kind === "embedding" ? ROWS_OPSET[chosen] : 1;
    if (opset < least) return `rows in ${chosen} need opset ${least}, the model has ${opset}`;
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

/** A graph or body with nodes replaced, in its bodies too, and without initializers that nobody reads any more. */
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

/** The matrices that the result still has in float32, with the reason. */
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
        const reason = rejections.get(name) ?? `read by ${operators}, which takes it as float32`;
        return { name: pathTo(scope, name), reason };
      }),
  );
}

/** Quantized forms by the weight they are of: a body may read a weight that the graph around it reads too. */
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
 * Quantizes every matrix that `MatMul`, `Gemm`, `FusedMatMul` or `Gather` reads as a weight, in bodies of `If`, `Loop` and `Scan`
 * too, and leaves everything else as it is: norms, biases, rotary caches, products of two activations, and weights with numbers
 * that are not finite.
 *
 * A bias added right after a product moves into the quantized node. Weights are quantized once however often they are
 * read. The names of nodes, inputs and outputs stay. The graph given is not changed.
 *
 * @throws SlmError DATA_INVALID if the graph is quantized already; INTERRUPTED.
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
      await nextTurn(); // lets a signal arrive
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

/** Probes see no values of bodies: what they multiply is not known there. */
function withoutData(options: QuantizeGraphOptions): QuantizeGraphOptions {
  const { method } = options;
  return method !== undefined && blockMethods[method].needsCalibration
    ? { ...options, method: "search" }
    : options;
}
