/** Sorts nodes so that every value is computed before it is read. */
import { SlmError } from "@slm/core";
import type { GraphNode } from "../graph/graph.js";
import { shorten } from "../graph/shorten.js";
import { describeNode, valuesRead } from "./uses.js";

/** Maximum number of nodes of a cycle in an error message. */
const NAMED_NODES = 8;

/** A node whose producers are being visited, and the next of them. */
interface Visit {
  readonly index: number;
  readonly producers: readonly number[];
  next: number;
}

function cycleError(nodes: readonly GraphNode[], path: readonly number[], where: string): SlmError {
  const names = path.slice(0, NAMED_NODES).map((index) => shorten(describeNode(nodes[index]!, index)));
  const more = path.length > NAMED_NODES ? ` and ${path.length - NAMED_NODES} more` : "";
  return new SlmError("DATA_INVALID", `${where}: the graph has a cycle: ${names.join(", ")}${more}`, {
    context: { nodes: path.slice(0, NAMED_NODES).map((index) => nodes[index]!.name) },
  });
}

/**
 * Sorts nodes topologically, including values that subgraphs capture. Nodes that are already sorted keep their order. Values that no node
 * computes are assumed to come from outside.
 *
 * @throws SlmError DATA_INVALID naming the nodes of a cycle.
 */
export function sortNodes(nodes: readonly GraphNode[], where = "graph"): readonly GraphNode[] {
  const producers = new Map<string, number>();
  nodes.forEach(({ outputs }, index) => {
    for (const output of outputs) if (output !== "" && !producers.has(output)) producers.set(output, index);
  });
  const producersOf = (index: number): number[] =>
    valuesRead(nodes[index]!).flatMap((value) => producers.get(value) ?? []);
  const state = new Uint8Array(nodes.length); // 0 new, 1 its producers are being visited, 2 done
  const order: GraphNode[] = [];
  for (let start = 0; start < nodes.length; start += 1) {
    if (state[start] !== 0) continue;
    state[start] = 1;
    const stack: Visit[] = [{ index: start, producers: producersOf(start), next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const producer = top.producers[top.next];
      if (producer === undefined) {
        state[top.index] = 2;
        order.push(nodes[top.index]!);
        stack.pop();
        continue;
      }
      top.next += 1;
      if (state[producer] === 2) continue;
      if (state[producer] === 1) {
        const path = stack.map(({ index }) => index);
        throw cycleError(nodes, path.slice(path.indexOf(producer)), where);
      }
      state[producer] = 1;
      stack.push({ index: producer, producers: producersOf(producer), next: 0 });
    }
  }
  return order;
}
