/** Reads facts of a graph for tests. */
import type { Graph, GraphNode } from "@slm/onnx";

/** A list attribute. */
export function attributeOf(node: GraphNode, name: string): readonly number[] {
  const attribute = node.attributes[name];
  return attribute?.kind === "ints" ? attribute.value : [];
}

/** The numbers of an int64 constant. */
export function readIntegersOf({ initializers }: Graph, name: string): readonly number[] {
  const { data } = initializers.get(name)!;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: data.byteLength / 8 }, (_, index) => Number(view.getBigInt64(index * 8, true)));
}
