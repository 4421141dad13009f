/** Nodes and initializers that a rewrite adds to an existing graph, under names nobody has. */
import type { AttributeValue, Graph, GraphNode, Initializer, OnnxDType } from "@slm/onnx";
import { scopesOf } from "./scopes.js";

export interface NodeSpec {
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

/** Collects what a rewrite adds. Names are made from a stem: `w.int4`, or `w.int4_1` where that exists. */
export class GraphParts {
  readonly initializers = new Map<string, Initializer>();
  readonly #values: Set<string>;
  readonly #nodes: Set<string>;

  constructor(graph: Graph) {
    // Names inside bodies count: a name of the graph must mean the same there.
    const scopes = scopesOf(graph).map(({ body }) => body);
    this.#values = new Set(
      scopes.flatMap(({ initializers, inputs, nodes }) => [
        ...initializers.keys(),
        ...inputs.map(({ name }) => name),
        ...nodes.flatMap(({ outputs }) => outputs),
      ]),
    );
    this.#nodes = new Set(scopes.flatMap(({ nodes }) => nodes.map(({ name }) => name)));
  }

  /** Adds a weight over these very bytes, so that equal buffers are stored once. Returns its name. */
  initializer(stem: string, dtype: OnnxDType, shape: readonly number[], data: ArrayBufferView): string {
    const name = fresh(stem, this.#values);
    const bytes =
      data instanceof Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.initializers.set(name, { name, dtype, shape, data: bytes });
    return name;
  }

  /** A name for a value, made from `stem`. */
  value(stem: string): string {
    return fresh(stem, this.#values);
  }

  /** A node under a name made from `stem`, with outputs named by the caller. */
  node(stem: string, spec: NodeSpec & { readonly outputs: readonly string[] }): GraphNode {
    return { domain: "", attributes: {}, ...spec, name: fresh(stem, this.#nodes) };
  }

  /** A node that takes the place of `original` and computes `output`, its name and all. */
  replacement(original: GraphNode, output: string, spec: NodeSpec): GraphNode {
    return { domain: "", attributes: {}, ...spec, name: original.name, outputs: [output] };
  }

  /** A node that helps the replacement of `original`: the last part of its name says with what. */
  helper(original: GraphNode, part: string, spec: NodeSpec): GraphNode {
    const value = fresh(`${original.outputs[0]!}/${part}`, this.#values);
    const name = fresh(`${original.name}/${part}`, this.#nodes);
    return { domain: "", attributes: {}, ...spec, name, outputs: [value] };
  }
}

function fresh(stem: string, taken: Set<string>): string {
  let name = stem;
  for (let count = 1; taken.has(name); count += 1) name = `${stem}_${count}`;
  taken.add(name);
  return name;
}
