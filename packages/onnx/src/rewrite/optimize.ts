/** Simplifies a graph with bitwise equal results. */
import { checkGraph } from "../checks/check.js";
import type { Graph, GraphNode } from "../graph/graph.js";
import { capturesOf, subgraphsOf } from "../wiring/uses.js";
import { expressionKey } from "./common-subexpressions.js";
import { removeDeadCode } from "./dead-code.js";
import { Facts } from "./facts.js";
import { simplify } from "./simplify.js";

// Restores the names of graph outputs after rewriting: renames the producer, or adds an Identity.

/**
 * Makes each graph output `name` equal to the value `resolve(name)`.
 *
 * The producer's value is renamed if that is allowed: a node computes it, it is not an output itself, no subgraph
 * captures it (`pinned`), and no earlier output has claimed it. Otherwise an `Identity` is added.
 */
function nameOutputs(
  graph: Graph,
  nodes: readonly GraphNode[],
  resolve: (value: string) => string,
  pinned: ReadonlySet<string>,
): readonly GraphNode[] {
  const computed = new Set(nodes.flatMap((node) => node.outputs));
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const renamed = new Map<string, string>();
  const added: GraphNode[] = [];
  for (const { name } of graph.outputs) {
    const value = resolve(name);
    if (value === name) continue;
    if (computed.has(value) && !outputs.has(value) && !pinned.has(value) && !renamed.has(value))
      renamed.set(value, name);
    else {
      const inputs = [renamed.get(value) ?? value];
      added.push({
        name: `/outputs/${name}`,
        opType: "Identity",
        domain: "",
        inputs,
        outputs: [name],
        attributes: {},
      });
    }
  }
  if (renamed.size === 0) return [...nodes, ...added];
  const rename = (value: string): string => renamed.get(value) ?? value;
  return [
    ...nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) })),
    ...added,
  ];
}

/** Values that subgraphs capture by name; they keep their names and nodes. */
function pinnedValues(graph: Graph): ReadonlySet<string> {
  return new Set(graph.nodes.flatMap((node) => subgraphsOf(node).flatMap((body) => [...capturesOf(body)])));
}

/** One pass in topological order: the inputs of every node are already simplified. */
class Rewriter {
  readonly nodes: GraphNode[] = [];
  readonly #facts: Facts;
  readonly #pinned: ReadonlySet<string>;
  readonly #replaced = new Map<string, string>();
  readonly #seen = new Map<string, GraphNode>();

  constructor(graph: Graph, pinned: ReadonlySet<string>) {
    this.#facts = new Facts(graph);
    this.#pinned = pinned;
    for (const node of graph.nodes) this.#visit(node);
  }

  /** The value that replaces `value`. Replacements are final, so one look-up is enough. */
  readonly resolve = (value: string): string => this.#replaced.get(value) ?? value;

  #visit(original: GraphNode): void {
    let node: GraphNode = { ...original, inputs: original.inputs.map(this.resolve) };
    const mayVanish = !node.outputs.some((output) => this.#pinned.has(output));
    const simpler = simplify(node, this.#facts);
    if (simpler?.kind === "value" && mayVanish) {
      this.#replaced.set(node.outputs[0]!, simpler.value);
      return;
    }
    if (simpler?.kind === "node") node = simpler.node;
    const key = expressionKey(node);
    const twin = key === undefined ? undefined : this.#seen.get(key);
    if (twin !== undefined && mayVanish) {
      node.outputs.forEach((output, index) => {
        if (output !== "") this.#replaced.set(output, twin.outputs[index]!);
      });
      return;
    }
    if (key !== undefined && twin === undefined) this.#seen.set(key, node);
    this.#facts.add(node);
    this.nodes.push(node);
  }
}

/**
 * Returns an equivalent smaller graph: no dead nodes or unused initializers, no repeated subexpressions, no `Identity`, no `Cast` to the
 * same type, and no `Reshape` or `Transpose` that does nothing or can be merged with the one before.
 *
 * Graph inputs and outputs keep their names, and so do values that subgraphs read. Random operators are never merged.
 *
 * @throws SlmError DATA_INVALID if the graph is not valid.
 */
export function optimizeGraph(graph: Graph): Graph {
  checkGraph(graph);
  const pinned = pinnedValues(graph);
  const rewriter = new Rewriter(graph, pinned);
  const nodes = nameOutputs(graph, rewriter.nodes, rewriter.resolve, pinned);
  const result = removeDeadCode({ ...graph, nodes });
  checkGraph(result);
  return result;
}
