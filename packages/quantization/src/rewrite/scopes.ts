/** Scopes: a graph and the bodies of its `If`, `Loop` and `Scan`, each with the constants that its nodes can read. */
import { subgraphsOf, type Graph, type GraphNode, type Initializer, type Subgraph } from "@slm/onnx";

/** A graph, or a body together with the constants of the outer scopes. */
export interface WeightScope extends Pick<Subgraph, "nodes" | "inputs" | "outputs"> {
  readonly initializers: Pick<ReadonlyMap<string, Initializer>, "get">;
}

export interface GraphScope {
  readonly body: Subgraph;
  /** Names of the nodes around a body, joined with ` > `; empty for the graph itself. */
  readonly path: string;
  readonly visible: WeightScope;
}

/** Constants of a body and its outer scopes. A name that the body defines hides an outer one. */
class VisibleConstants {
  readonly #own: Subgraph;
  readonly #outer: VisibleConstants | undefined;
  readonly #hidden: ReadonlySet<string>;

  constructor(own: Subgraph, outer: VisibleConstants | undefined) {
    this.#own = own;
    this.#outer = outer;
    this.#hidden = new Set([
      ...own.inputs.map(({ name }) => name),
      ...own.nodes.flatMap(({ outputs }) => outputs),
    ]);
  }

  get(name: string): Initializer | undefined {
    const own = this.#own.initializers.get(name);
    if (own !== undefined || this.#outer === undefined) return own;
    return this.#hidden.has(name) ? undefined : this.#outer.fixed(name);
  }

  /** The outer scope as a body sees it. An initializer that a caller can override is not a constant. */
  fixed(name: string): Initializer | undefined {
    return this.#hidden.has(name) ? undefined : this.get(name);
  }
}

/** Name of a scope's node in reports. */
export function pathTo({ path }: GraphScope, name: string): string {
  return path === "" ? name : `${path} > ${name}`;
}

function visit(body: Subgraph, path: string, outer: VisibleConstants | undefined, found: GraphScope[]): void {
  const initializers = new VisibleConstants(body, outer);
  const { nodes, inputs, outputs } = body;
  const scope = { body, path, visible: { nodes, inputs, outputs, initializers } };
  found.push(scope);
  nodes.forEach((node, index) => {
    for (const inner of subgraphsOf(node))
      visit(inner, pathTo(scope, node.name === "" ? `#${index}` : node.name), initializers, found);
  });
}

/** The graph and every body in it, outer ones first. */
export function scopesOf(graph: Graph): readonly GraphScope[] {
  const found: GraphScope[] = [];
  visit(graph, "", undefined, found);
  return found;
}

/** The operators that read each value, including those in bodies. */
export function readersOf(graph: Graph): ReadonlyMap<string, ReadonlySet<string>> {
  const readers = new Map<string, Set<string>>();
  for (const { body } of scopesOf(graph)) {
    for (const { inputs, opType } of body.nodes) {
      for (const value of inputs) {
        const operators = readers.get(value);
        if (operators === undefined) readers.set(value, new Set([opType]));
        else operators.add(opType);
      }
    }
  }
  return readers;
}

/** Replaces the bodies of a node. */
export function withBodies(node: GraphNode, replace: (body: Subgraph) => Subgraph): GraphNode {
  if (subgraphsOf(node).length === 0) return node;
  const attributes = Object.entries(node.attributes).map(
    ([name, attribute]) =>
      [
        name,
        attribute.kind === "graph" ? { ...attribute, value: replace(attribute.value) } : attribute,
      ] as const,
  );
  return { ...node, attributes: Object.fromEntries(attributes) };
}
