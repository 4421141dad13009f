/** Finds the producer and the uses of each value of a graph. */
import { attributeOf } from "../graph/attributes.js";
import type { GraphNode, Subgraph, TensorValue } from "../graph/graph.js";
import { capturesOf, subgraphsOf } from "./uses.js";
import { packValues, readIntegers } from "../graph/values.js";

export interface ValueProducer {
  readonly node: GraphNode;
  /** Index in `graph.nodes`. */
  readonly index: number;
  /** Index among the node's outputs. */
  readonly output: number;
}

export interface ValueUse {
  readonly node: GraphNode;
  /** Index in `graph.nodes`. */
  readonly index: number;
  /** Index among the node's inputs; undefined if a subgraph of the node captures the value by name. */
  readonly input: number | undefined;
}

/** The body of a control-flow node. Rewrites of the main graph do not change it. */
export interface NodeBody {
  readonly node: GraphNode;
  readonly index: number;
  readonly body: Subgraph;
}

const NO_USES: readonly ValueUse[] = [];

type ConstantRow = readonly [
  attribute: string,
  read: (node: GraphNode, attribute: string) => TensorValue | undefined,
];

/** The numeric attributes that can contain the value of a `Constant` (operator spec of opset 12). */
const CONSTANT_ATTRIBUTES: readonly ConstantRow[] = [
  ["value", (node, name) => attributeOf(node, name, "tensor")],
  ["value_int", (node, name) => numbers("int64", attributeOf(node, name, "int"))],
  ["value_ints", (node, name) => numbers("int64", attributeOf(node, name, "ints"))],
  ["value_float", (node, name) => numbers("float32", attributeOf(node, name, "float"))],
  ["value_floats", (node, name) => numbers("float32", attributeOf(node, name, "floats"))],
];

function numbers(
  dtype: "int64" | "float32",
  value: number | readonly number[] | undefined,
): TensorValue | undefined {
  if (value === undefined) return undefined;
  return typeof value === "number"
    ? { dtype, shape: [], data: packValues(dtype, [value]) }
    : { dtype, shape: [value.length], data: packValues(dtype, value) };
}

/**
 * An index of one graph. Subgraphs are not indexed, except the values that they capture from this graph.
 *
 * @example
 * const index = new GraphIndex(graph);
 * const weight = index.constantOf(node.inputs[1] ?? "");
 * const onlyReader = index.usesOf(node.outputs[0]!).length === 1 && !index.isOutput(node.outputs[0]!);
 */
export class GraphIndex {
  readonly #graph: Subgraph;
  readonly #producers = new Map<string, ValueProducer>();
  readonly #uses = new Map<string, ValueUse[]>();
  readonly #inputs: ReadonlySet<string>;
  readonly #outputs: ReadonlySet<string>;
  /** Bodies of `If`, `Loop` and `Scan`, by node. */
  readonly bodies: readonly NodeBody[];

  constructor(graph: Subgraph) {
    this.#graph = graph;
    this.#inputs = new Set(graph.inputs.map(({ name }) => name));
    this.#outputs = new Set(graph.outputs.map(({ name }) => name));
    const bodies: NodeBody[] = [];
    graph.nodes.forEach((node, index) => {
      node.outputs.forEach((name, output) => {
        if (name !== "") this.#producers.set(name, { node, index, output });
      });
      node.inputs.forEach((name, input) => {
        if (name !== "") this.#use(name, { node, index, input });
      });
      for (const body of subgraphsOf(node)) {
        bodies.push({ node, index, body });
        for (const name of capturesOf(body)) this.#use(name, { node, index, input: undefined });
      }
    });
    this.bodies = bodies;
  }

  #use(value: string, use: ValueUse): void {
    const uses = this.#uses.get(value);
    if (uses === undefined) this.#uses.set(value, [use]);
    else uses.push(use);
  }

  /** The node that computes a value; undefined for inputs, initializers and unknown names. */
  producerOf(value: string): ValueProducer | undefined {
    return this.#producers.get(value);
  }

  /** Every use of a value by a node, in node order; a node that reads it twice is listed twice. */
  usesOf(value: string): readonly ValueUse[] {
    return this.#uses.get(value) ?? NO_USES;
  }

  isInput(value: string): boolean {
    return this.#inputs.has(value);
  }

  isOutput(value: string): boolean {
    return this.#outputs.has(value);
  }

  /** Whether the value is constant: an initializer that no input overrides, or a `Constant`. */
  isConstant(value: string): boolean {
    if (this.#inputs.has(value)) return false;
    if (this.#graph.initializers.has(value)) return true;
    const node = this.#producers.get(value)?.node;
    return node?.opType === "Constant" && node.domain === "";
  }

  /**
   * The tensor of a constant initializer or `Constant` node; undefined for other values, for text, and for an initializer whose bytes an
   * outline has not read.
   */
  constantOf(value: string): TensorValue | undefined {
    if (!this.isConstant(value)) return undefined;
    const initializer = this.#graph.initializers.get(value);
    if (initializer !== undefined) return initializer.unread === true ? undefined : initializer;
    const node = this.#producers.get(value)?.node;
    if (node === undefined) return undefined;
    for (const [attribute, read] of CONSTANT_ATTRIBUTES) {
      const tensor = read(node, attribute);
      if (tensor !== undefined) return tensor;
    }
    return undefined;
  }

  /** The numbers of an int32 or int64 constant. */
  integersOf(value: string): readonly number[] | undefined {
    const tensor = this.constantOf(value);
    return tensor === undefined ? undefined : readIntegers(tensor);
  }
}
