/** Builds a graph node by node. Names are unique paths, equal constants are stored once, and mistakes are rejected immediately. */
import { createHash } from "node:crypto";
import { SlmError } from "@slm/core";
import { checkGraph, checkTensor } from "./checks/check.js";
import type { OnnxDType } from "./graph/dtypes.js";
import type { AttributeValue, Graph, GraphNode, Initializer, Subgraph, ValueInfo } from "./graph/graph.js";
import { bytesOf, packValues } from "./graph/values.js";
import { KNOWN_DOMAINS, checkVersions } from "./graph/versions.js";

export interface GraphBuilderOptions {
  /** ONNX opset version. Default 21. */
  readonly opset?: number;
  /** IR version of the file format. Default 10, which matches opset 21. */
  readonly irVersion?: number;
}

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Default `""`, the standard ONNX operators. */
  readonly domain?: string;
  /** Last part of the node's name. Default: the operator. */
  readonly name?: string;
}

export interface NodeOutputs {
  /** Number of outputs, or their names; `""` omits an optional one. Default 1. */
  readonly outputs?: number | readonly string[];
}

/**
 * Builds a graph in topological order: a node can read only values that already exist.
 *
 * @example
 * const g = new GraphBuilder("linear");
 * const x = g.input("x", "float32", ["batch", 4]);
 * const w = g.initializer("w", "float32", [4, 2], weights);
 * g.output("y", g.op("MatMul", [x, w]), "float32", ["batch", 2]);
 * const graph = g.build();
 */
export class GraphBuilder {
  readonly #name: string;
  readonly #irVersion: number;
  readonly #opsets = new Map<string, number>();
  #nodes: GraphNode[] = [];
  readonly #initializers = new Map<string, Initializer>();
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: ValueInfo[] = [];
  readonly #values = new Set<string>();
  /** Values in `If` branches, which nodes outside cannot read. */
  readonly #inner = new Set<string>();
  readonly #nodeNames = new Set<string>();
  readonly #suffixes = new Map<string, number>();
  readonly #constants = new Map<string, string>();
  #path = "";

  constructor(name: string, options: GraphBuilderOptions = {}) {
    this.#name = name;
    this.#irVersion = options.irVersion ?? 10;
    this.#opsets.set("", options.opset ?? 21);
    checkVersions(this.#irVersion, Object.fromEntries(this.#opsets));
  }

  /** Declares a graph input. @throws SlmError DATA_INVALID if the name is taken. */
  input(name: string, dtype: OnnxDType, shape: readonly (number | string)[]): string {
    this.#define(name);
    this.#inputs.push({ name, dtype, shape: [...shape] });
    return name;
  }

  /**
   * Adds a weight under its own name. The bytes are kept by reference, not copied: weights over the same bytes are
   * stored once in external data.
   *
   * @throws SlmError DATA_INVALID if the name is taken or the bytes do not fill the shape.
   */
  initializer(name: string, dtype: OnnxDType, shape: readonly number[], data: ArrayBufferView): string {
    const initializer = { name, dtype, shape: [...shape], data: bytesOf(data) };
    checkTensor(initializer, `graph '${this.#name}': initializer '${name}'`);
    this.#define(name);
    this.#initializers.set(name, initializer);
    return name;
  }

  /**
   * Adds a constant under a generated name; an equal constant gets the same name.
   * Numbers are converted to `dtype`; the bytes of a typed array are used unchanged.
   *
   * @throws SlmError DATA_INVALID if the values do not fill the shape or do not fit the dtype.
   */
  constant(dtype: OnnxDType, shape: readonly number[], values: readonly number[] | ArrayBufferView): string {
    const data = ArrayBuffer.isView(values) ? Uint8Array.from(bytesOf(values)) : packValues(dtype, values);
    const key = `${dtype}[${shape.join(",")}]${createHash("sha256").update(data).digest("base64")}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const initializer = {
      name: this.#fresh(`/constants/${dtype}`, this.#values),
      dtype,
      shape: [...shape],
      data,
    };
    checkTensor(initializer, `graph '${this.#name}': constant at '${this.#path}'`);
    this.#define(initializer.name);
    this.#initializers.set(initializer.name, initializer);
    this.#constants.set(key, initializer.name);
    return initializer.name;
  }

  /** Adds an int64 constant, for shapes, axes and indices. Default shape: a vector. */
  ints(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.constant("int64", shape, values);
  }

  /**
   * Adds a node and returns the names of its outputs.
   *
   * @throws SlmError DATA_INVALID if an input does not exist, an output name is taken, or the domain is unknown.
   */
  node(opType: string, inputs: readonly string[], options: NodeOptions & NodeOutputs = {}): string[] {
    const domain = options.domain ?? "";
    const name = this.#fresh(`${this.#path}/${options.name ?? opType}`, this.#nodeNames);
    this.#useDomain(domain, name);
    const missing = inputs.find((input) => input !== "" && !this.#isVisible(input));
    if (missing !== undefined) {
      throw new SlmError(
        "DATA_INVALID",
        `graph '${this.#name}': node '${name}' reads '${missing}', which is not defined`,
      );
    }
    const outputs = this.#outputNames(name, options.outputs ?? 1);
    this.#nodeNames.add(name);
    this.#nodes.push({
      name,
      opType,
      domain,
      inputs: [...inputs],
      outputs,
      attributes: { ...options.attributes },
    });
    return [...outputs];
  }

  /** Adds a node with one output and returns the output's name. @throws SlmError DATA_INVALID as `node` does. */
  op(opType: string, inputs: readonly string[], options: NodeOptions = {}): string {
    return this.node(opType, inputs, options)[0]!;
  }

  /** Runs `body` with `segment` added to the path of names: `/encoder/layers.0/MatMul`. */
  scope<T>(segment: string, body: () => T): T {
    const outer = this.#path;
    this.#path = `${outer}/${segment}`;
    try {
      return body();
    } finally {
      this.#path = outer;
    }
  }

  /**
   * Builds a branch of an `If` from the nodes that `body` adds and the value it returns. They can read values outside, but nodes outside
   * cannot read them.
   */
  branch(name: string, body: () => string): Subgraph {
    const outer = this.#nodes;
    const nodes: GraphNode[] = [];
    this.#nodes = nodes;
    try {
      const output = this.scope(name, body);
      return { name, nodes, initializers: new Map(), inputs: [], outputs: [{ name: output }] };
    } finally {
      this.#nodes = outer;
      for (const value of nodes.flatMap(({ outputs }) => outputs)) this.#inner.add(value);
    }
  }

  /**
   * Declares graph output `name`, equal to `value`. If the names differ, an `Identity` connects them, which
   * `optimizeGraph` removes.
   *
   * @throws SlmError DATA_INVALID if `value` does not exist or the name is taken.
   */
  output(name: string, value: string, dtype: OnnxDType, shape: readonly (number | string)[]): void {
    if (name !== value) this.node("Identity", [value], { outputs: [name], name: `${name}/Identity` });
    else if (!this.#isVisible(value)) {
      throw new SlmError("DATA_INVALID", `graph '${this.#name}': output '${name}' is not defined`);
    }
    this.#outputs.push({ name, dtype, shape: [...shape] });
  }

  /** Returns the checked graph. @throws SlmError DATA_INVALID as `checkGraph` does. */
  build(): Graph {
    const graph: Graph = {
      name: this.#name,
      irVersion: this.#irVersion,
      opsets: Object.fromEntries(this.#opsets),
      nodes: [...this.#nodes],
      initializers: new Map(this.#initializers),
      inputs: [...this.#inputs],
      outputs: [...this.#outputs],
      metadata: {},
    };
    checkGraph(graph);
    return graph;
  }

  #isVisible(value: string): boolean {
    return this.#values.has(value) && !this.#inner.has(value);
  }

  #define(name: string): void {
    if (name === "" || this.#values.has(name)) {
      throw new SlmError("DATA_INVALID", `graph '${this.#name}': a value needs a unique name, got '${name}'`);
    }
    this.#values.add(name);
  }

  #useDomain(domain: string, node: string): void {
    if (this.#opsets.has(domain)) return;
    if (!Object.hasOwn(KNOWN_DOMAINS, domain)) {
      const known = Object.keys(KNOWN_DOMAINS).join("', '");
      throw new SlmError(
        "DATA_INVALID",
        `graph: node '${node}' must have domain '', '${known}', got '${domain}'`,
      );
    }
    this.#opsets.set(domain, KNOWN_DOMAINS[domain]!);
  }

  #outputNames(node: string, outputs: number | readonly string[]): string[] {
    if (typeof outputs !== "number") {
      for (const output of outputs) if (output !== "") this.#define(output);
      return [...outputs];
    }
    return Array.from({ length: outputs }, (_, index) => {
      const output = this.#fresh(outputs === 1 ? node : `${node}.${index}`, this.#values);
      this.#define(output);
      return output;
    });
  }

  #fresh(stem: string, taken: ReadonlySet<string>): string {
    if (!taken.has(stem)) return stem;
    let count = this.#suffixes.get(stem) ?? 1;
    while (taken.has(`${stem}_${count}`)) count += 1;
    this.#suffixes.set(stem, count);
    return `${stem}_${count}`;
  }
}
