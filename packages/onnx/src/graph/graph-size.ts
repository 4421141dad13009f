import type { Subgraph } from "./graph.js";

/** Bytes of all initializers of a graph; shared bytes count once per initializer. */
export const weightBytes = ({ initializers }: Pick<Subgraph, "initializers">): number =>
  [...initializers.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
