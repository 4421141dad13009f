/** Adds nodes and initializers with unique names to an existing graph. */
import type { AttributeValue, Graph, GraphNode, Initializer, OnnxDType } from "@slm/onnx";
import { scopesOf } from "./scopes.js";

export interface NodeSpec {
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

/** Collects the additions of a rewrite. Names are derived from a stem: `w.int4`, or `w.int4_1` if that exists. */
export class GraphParts {
  readonly initializers = new Map<string, Initializer>();
  readonly #values: Set<string>;
  readonly #nodes: Set<string>;

  constructor(graph: Graph) {
    // Names inside bodies count, because bodies can read the graph's names.
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

  /** Adds a weight without copying its bytes, so that equal buffers are stored once. Returns its name. */
  initializer(stem: string, dtype: OnnxDType, shape: readonly number[], data: ArrayBufferView): string {
    const name = fresh(stem, this.#values);
    const bytes =
      data instanceof Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.initializers.set(name, { name, dtype, shape, data: bytes });
    return name;
  }

  /** A unique value name, derived from `stem`. */
  value(stem: string): string {
    return fresh(stem, this.#values);
  }

  /** A node with a unique name derived from `stem`. The caller names the outputs. */
  node(stem: string, spec: NodeSpec & { readonly outputs: readonly string[] }): GraphNode {
    return { domain: "", attributes: {}, ...spec, name: fresh(stem, this.#nodes) };
  }

  /** A node that replaces `original`, with its name, and computes `output`. */
  replacement(original: GraphNode, output: string, spec: NodeSpec): GraphNode {
    return { domain: "", attributes: {}, ...spec, name: original.name, outputs: [output] };
  }

  /** An auxiliary node of the replacement of `original`. The last part of its name says what it does. */
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
