/** Sizes of graphs. */
import type { Subgraph } from "./graph.js";

/** Bytes of all initializers of a graph, each counted by itself. */
export const weightBytes = ({ initializers }: Pick<Subgraph, "initializers">): number =>
  [...initializers.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
