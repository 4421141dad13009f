/** Where the values of a graph come from and where they go. */
import { attributeOf } from "./attributes.js";
import type { GraphNode, Subgraph, TensorValue } from "./graph.js";
import { capturesOf, subgraphsOf } from "./uses.js";
import { packValues, readIntegers } from "./values.js";

export interface ValueProducer {
  readonly node: GraphNode;
  /** Place in `graph.nodes`. */
  readonly index: number;
  /** Which of the node's outputs the value is. */
  readonly output: number;
}

export interface ValueUse {
  readonly node: GraphNode;
  /** Place in `graph.nodes`. */
  readonly index: number;
  /** Which of the node's inputs the value is; undefined where a subgraph of the node captures it by name. */
  readonly input: number | undefined;
}

/** The body of a control-flow node: to be named and looked at; rewrites of the main graph leave it as it is. */
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

/** The numeric ways `Constant` states its value (operator spec of opset 12). */
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
 * An index of one graph: made once, asked often. Subgraphs are not indexed, only what they capture from this graph.
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

  /** The node that computes a value; undefined for inputs, initializers and names nobody has. */
  producerOf(value: string): ValueProducer | undefined {
    return this.#producers.get(value);
  }

  /** Every use of a value by a node, in the order of the nodes; a node that reads it twice is there twice. */
  usesOf(value: string): readonly ValueUse[] {
    return this.#uses.get(value) ?? NO_USES;
  }

  isInput(value: string): boolean {
    return this.#inputs.has(value);
  }

  isOutput(value: string): boolean {
    return this.#outputs.has(value);
  }

  /** Whether no caller and no node decides the value: an initializer without an input of its name, or a `Constant`. */
  isConstant(value: string): boolean {
    if (this.#inputs.has(value)) return false;
    if (this.#graph.initializers.has(value)) return true;
    const node = this.#producers.get(value)?.node;
    return node?.opType === "Constant" && node.domain === "";
  }

  /**
   * The tensor of a constant, whichever way the file states it; undefined for what is not constant, for text, and for
   * an initializer whose bytes an outline left in their file.
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
