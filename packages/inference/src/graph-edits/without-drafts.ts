/** A decoder that does not compute its drafts: for batches whose rows go on one token at a time. */
import { GRAPH_IO } from "@slm/exported-model";
import { removeDeadCode, type Graph } from "@slm/onnx";

/** The graph without the output of draft heads, and without the nodes and weights that only it needs; other graphs as they are. */
export function withoutDrafts(graph: Graph): Graph {
  const outputs = graph.outputs.filter(({ name }) => name !== GRAPH_IO.draftIds);
  return outputs.length === graph.outputs.length ? graph : removeDeadCode({ ...graph, outputs });
}
