/** Nodes and the known facts about the values around them. */
import {
  elementCount,
  GraphIndex,
  RANDOM_OPERATORS,
  readNumbers,
  type GraphNode,
  type Subgraph,
  type TensorValue,
  subgraphsOf,
} from "@slm/onnx";
import type { GraphFacts } from "../shapes/graph-facts.js";
import { type ValueFacts, isStatic } from "../shapes/facts.js";

// Nodes that ONNX Runtime folds or removes before it partitions the graph for a provider (optimization level basic).

/** Information about a graph's values. */
interface KnownValues {
  readonly facts: GraphFacts;
  /** Whether a value is the same in every run, given the set of folded nodes. */
  isKnown(value: string, folded: ReadonlySet<GraphNode>): boolean;
}

/** Never folded: random operators, and operators that the compiler must see. */
const NEVER_FOLDED: ReadonlySet<string> = new Set([
  ...RANDOM_OPERATORS,
  "QuantizeLinear",
  "DequantizeLinear",
]);

/**
 * Whether ONNX Runtime removes a node that only returns its input. An Identity between an input and an output of the graph stays, because
 * both keep their names. A Dropout stays if it computes a graph output, trains, or outputs its mask. Source: identity_elimination.cc and
 * dropout_elimination.cc, ONNX Runtime 1.30.
 */
const REMOVED: Readonly<Record<string, (node: GraphNode, scope: Scope) => boolean>> = {
  Identity: ({ inputs, outputs }, { index }) =>
    !index.isOutput(outputs[0] ?? "") || index.producerOf(inputs[0] ?? "") !== undefined,
  Dropout: ({ inputs, outputs }, { index, numbersOf }) => {
    const [, mask = ""] = outputs;
    const training = inputs[2] ?? "";
    const trains = training !== "" && numbersOf(training)?.[0] !== 0;
    return (
      !index.isOutput(outputs[0] ?? "") && !index.isOutput(mask) && index.usesOf(mask).length === 0 && !trains
    );
  },
};

/**
 * The nodes of a graph with the same result in every run: constants, operators on constants only, and `Shape` of values
 * with a static shape.
 */
function foldedNodes(graph: Subgraph, scope: KnownValues): ReadonlySet<GraphNode> {
  const folded = new Set<GraphNode>();
  for (const node of graph.nodes) if (isFolded(node, scope, folded)) folded.add(node);
  return folded;
}

function isFolded(node: GraphNode, scope: KnownValues, folded: ReadonlySet<GraphNode>): boolean {
  if (node.domain !== "" || NEVER_FOLDED.has(node.opType)) return false;
  if (node.opType === "Constant") return true;
  if (node.opType === "Shape") {
    const { shape } = scope.facts.of(node.inputs[0] ?? "");
    if (shape !== undefined && isStatic(shape)) return true;
  }
  if (subgraphsOf(node).length > 0) return false;
  const inputs = node.inputs.filter((name) => name !== "");
  return inputs.length > 0 && inputs.every((name) => scope.isKnown(name, folded));
}

/** Whether the node only returns its input and is removed by the runtime. */
export function isRemoved({ node, scope }: PlacedNode): boolean {
  const rule = node.domain === "" && Object.hasOwn(REMOVED, node.opType) ? REMOVED[node.opType] : undefined;
  return rule?.(node, scope) === true;
}

/** Maximum number of scales and zero points that one analysis reads. Shared ones count for every node that uses them. */
const MAX_NUMBERS_READ = 2 ** 24;

/** Caches constants for rules, with a limit against malicious files in which a million nodes share a million scales. */
class ConstantReader {
  readonly #read = new Map<TensorValue, readonly number[] | undefined>();
  #left = MAX_NUMBERS_READ;
  /** Number of constants that were not read, because of the limit. */
  rejected = 0;

  numbersOf(tensor: TensorValue): readonly number[] | undefined {
    const count = elementCount(tensor.shape);
    if (count > this.#left) {
      this.rejected += 1;
      return undefined;
    }
    this.#left -= count;
    if (!this.#read.has(tensor)) this.#read.set(tensor, readNumbers(tensor, MAX_NUMBERS_READ));
    return this.#read.get(tensor);
  }
}

/** One graph or subgraph. */
export class Scope {
  readonly reader: ConstantReader;
  readonly index: GraphIndex;
  readonly facts: GraphFacts;
  /** Nodes with the same result in every run: a runtime folds them beforehand. */
  readonly folded: ReadonlySet<GraphNode>;
  readonly #outer: Scope | undefined;

  constructor(graph: Subgraph, facts: GraphFacts, outer?: Scope) {
    this.reader = outer?.reader ?? new ConstantReader();
    this.index = new GraphIndex(graph);
    this.facts = facts;
    this.#outer = outer;
    this.folded = foldedNodes(graph, this);
  }

  of(value: string): ValueFacts {
    return this.facts.of(value);
  }

  /** Nodes that read a value, without an Identity that only gives it the name of a graph output. */
  readersOf(value: string): readonly GraphNode[] {
    const readers = this.index.usesOf(value).map(({ node }) => node);
    return readers.filter(
      ({ opType, outputs }) => opType !== "Identity" || !this.index.isOutput(outputs[0] ?? ""),
    );
  }

  /** The numbers of a constant of this graph; undefined if it is not a constant, was not read, or exceeds the limit. */
  readonly numbersOf = (value: string): readonly number[] | undefined => {
    const tensor = this.index.constantOf(value);
    return tensor === undefined ? undefined : this.reader.numbersOf(tensor);
  };

  /** Whether the value is the same in every run. */
  isKnown(value: string, folded: ReadonlySet<GraphNode> = this.folded): boolean {
    if (this.index.isInput(value)) return false;
    if (this.index.isConstant(value)) return true;
    const producer = this.index.producerOf(value);
    if (producer !== undefined) return folded.has(producer.node);
    return this.#outer?.isKnown(value) ?? false;
  }
}

export interface PlacedNode {
  readonly node: GraphNode;
  /** The node's name for messages, or its index if it has none. */
  readonly name: string;
  readonly scope: Scope;
}
