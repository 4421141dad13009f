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

  test("behind a value lies what it is made of, as far as that is wanted", () => {
    expect(names(reachableNodes(index, ["/d"]))).toEqual(["/a", "/b", "/c", "/d"]);
    expect(names(reachableNodes(index, ["/d"], ({ name }) => name !== "/b"))).toEqual(["/c", "/d"]);
    expect(names(reachableNodes(index, ["x"]))).toEqual([]);
  });

  test("after a value comes what is made of it, as far as that is wanted", () => {
    const after = nodesAfter(graph, ["/a"]);
    expect(names(after).filter((name) => /^.[a-d]$/.test(name))).toEqual(["/b", "/d"]);
    expect(names(nodesAfter(graph, ["/a"], ({ name }) => name !== "/b"))).toEqual([]);
  });
});
