import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../builder.js";
import { GraphIndex } from "./graph-index.js";
import type { GraphNode } from "../graph/graph.js";
import { nodesAfter, reachableNodes } from "./reach.js";

/** x -> a -> b -> d, x -> c -> d */
function diamond() {
  const g = new GraphBuilder("diamond");
  const x = g.input("x", "float32", [2]);
  const a = g.op("Neg", [x], { name: "a" });
  const b = g.op("Exp", [a], { name: "b" });
  const c = g.op("Abs", [x], { name: "c" });
  g.output("y", g.op("Add", [b, c], { name: "d" }), "float32", [2]);
  return g.build();
}

const names = (nodes: ReadonlySet<GraphNode>): readonly string[] => [...nodes].map(({ name }) => name).sort();

describe("reach", () => {
  const graph = diamond();
  const index = new GraphIndex(graph);

  test("finds the ancestors of a value, up to unwanted nodes", () => {
    expect(names(reachableNodes(index, ["/d"]))).toEqual(["/a", "/b", "/c", "/d"]);
    expect(names(reachableNodes(index, ["/d"], ({ name }) => name !== "/b"))).toEqual(["/c", "/d"]);
    expect(names(reachableNodes(index, ["x"]))).toEqual([]);
  });

  test("finds the descendants of a value, up to unwanted nodes", () => {
    const after = nodesAfter(graph, ["/a"]);
    expect(names(after).filter((name) => /^.[a-d]$/.test(name))).toEqual(["/b", "/d"]);
    expect(names(nodesAfter(graph, ["/a"], ({ name }) => name !== "/b"))).toEqual([]);
  });
});
