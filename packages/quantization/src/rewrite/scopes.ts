/** A graph and the bodies of its `If`, `Loop` and `Scan`, each with the constants that its nodes can read. */
import { subgraphsOf, type Graph, type GraphNode, type Initializer, type Subgraph } from "@slm/onnx";

/** What tells of weights: a graph, or a body together with the constants around it. */
export interface WeightScope extends Pick<Subgraph, "nodes" | "inputs" | "outputs"> {
  readonly initializers: Pick<ReadonlyMap<string, Initializer>, "get">;
}

export interface GraphScope {
  readonly body: Subgraph;
  /** Names of the nodes around a body, as ` > ` joins them; empty for the graph itself. */
  readonly path: string;
  readonly visible: WeightScope;
}

/** Constants of a body and of what is around it; a name that the body gives a value of its own hides one outside. */
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

  /** As a body sees it: a constant that a caller may feed is none there. */
  fixed(name: string): Initializer | undefined {
    return this.#hidden.has(name) ? undefined : this.get(name);
  }
}

/** How reports name a node of a scope. */
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

/** Which operators read each value, those of bodies included. */
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

/** A node with its bodies replaced. */
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
