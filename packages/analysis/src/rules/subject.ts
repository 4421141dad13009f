/** A model prepared for the rules: every node with the known facts about its values. */
import {
  elementCount,
  GraphIndex,
  readNumbers,
  shorten,
  type GraphNode,
  type ModelOutline,
  type Subgraph,
  type TensorValue,
  subgraphsOf,
} from "@slm/onnx";
import type { Profile } from "../profiles/profile.js";
import type { GraphFacts } from "../shapes/graph-facts.js";
import { inferShapes, type InferredModel } from "../shapes/infer.js";
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
  ...["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"],
  ...["QuantizeLinear", "DequantizeLinear"],
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
function isRemoved({ node, scope }: PlacedNode): boolean {
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

export interface Subject {
  readonly model: ModelOutline;
  readonly profile: Profile;
  readonly inferred: InferredModel;
  readonly main: Scope;
  /** Nodes that the device must run, including nodes in subgraphs if it supports them. */
  readonly nodes: readonly PlacedNode[];
  /** Nodes that are folded or removed beforehand, including nodes in branches that are never taken. */
  readonly folded: readonly PlacedNode[];
  /** All nodes of the file, subgraphs included. */
  readonly all: readonly PlacedNode[];
}

/** ONNX operators with subgraphs. */
export const CONTROL_FLOW: ReadonlySet<string> = new Set(["If", "Loop", "Scan", "SequenceMap"]);

export function isControlFlow({ domain, opType }: GraphNode): boolean {
  return domain === "" && CONTROL_FLOW.has(opType);
}

/**
 * Location of a node: in the `main` graph, in a `body` (a subgraph whose execution depends on the data), or in a branch that is
 * `never` taken. A branch that is always taken belongs to the surrounding graph, because runtimes inline it.
 */
type Level = "main" | "body" | "never";

/** The branch of an `If` whose condition is the same in every run. */
function takenBranch(node: GraphNode, scope: Scope): string | undefined {
  const condition = node.inputs[0] ?? "";
  if (node.domain !== "" || node.opType !== "If" || !scope.isKnown(condition)) return undefined;
  const value = scope.of(condition).elements?.[0] ?? scope.numbersOf(condition)?.[0];
  if (typeof value !== "number") return undefined;
  return value === 0 ? "else_branch" : "then_branch";
}

function place(
  graph: Subgraph,
  { scope, path, level }: { readonly scope: Scope; readonly path: string; readonly level: Level },
  visit: (placed: PlacedNode, level: Level) => void,
): void {
  graph.nodes.forEach((node, index) => {
    const own = node.name === "" ? `#${index}` : shorten(node.name);
    const name = path === "" ? own : `${path} > ${own}`;
    const taken = takenBranch(node, scope);
    visit({ node, name, scope }, taken === undefined ? level : "never");
    const levelOf = (attribute: string): Level => {
      if (level === "never" || taken === undefined) return level === "never" ? "never" : "body";
      return attribute === taken ? level : "never";
    };
    for (const [attribute, value] of Object.entries(node.attributes)) {
      const facts = value.kind === "graph" ? scope.facts.bodyFacts(value.value) : undefined;
      if (value.kind !== "graph" || facts === undefined) continue;
      const inside = { scope: new Scope(value.value, facts, scope), path: name, level: levelOf(attribute) };
      place(value.value, inside, visit);
    }
  });
}

/** Infers shapes and collects the nodes of a model for the rules. */
export function prepare(model: ModelOutline, profile: Profile): Subject {
  const inferred = inferShapes(model);
  const main = new Scope(model, inferred.facts);
  const nodes: PlacedNode[] = [];
  const folded: PlacedNode[] = [];
  const all: PlacedNode[] = [];
  place(model, { scope: main, path: "", level: "main" }, (placed, level) => {
    all.push(placed);
    const isGone = level === "never" || placed.scope.folded.has(placed.node) || isRemoved(placed);
    if (isGone) folded.push(placed);
    else if (level === "main" || profile.controlFlow === "allowed") nodes.push(placed);
  });
  return { model, profile, inferred, main, nodes, folded, all };
}
