import { describe, expect, test } from "vitest";
import { int, subgraph } from "../graph/attributes.js";
import { GraphBuilder } from "../builder.js";
import { checkGraph } from "./check.js";
import type { Graph, GraphNode, Subgraph } from "../graph/graph.js";

function linear(): Graph {
  const g = new GraphBuilder("linear");
  const x = g.input("x", "float32", ["batch", 2]);
  const w = g.initializer("w", "float32", [2, 2], new Float32Array(4));
  g.output("y", g.op("Neg", [g.op("MatMul", [x, w])]), "float32", ["batch", 2]);
  return g.build();
}

const node = (
  opType: string,
  inputs: string[],
  outputs: string[],
  rest: Partial<GraphNode> = {},
): GraphNode => ({
  name: "",
  opType,
  domain: "",
  inputs,
  outputs,
  attributes: {},
  ...rest,
});

function withNode(extra: GraphNode): Graph {
  const graph = linear();
  return { ...graph, nodes: [...graph.nodes, extra] };
}

const emptyBody: Subgraph = { name: "then", nodes: [], initializers: new Map(), inputs: [], outputs: [] };

describe(checkGraph, () => {
  test("accepts a graph, a subgraph that reads outer values, and an input with a default value", () => {
    const graph = linear();
    checkGraph(graph);
    const body: Subgraph = {
      ...emptyBody,
      nodes: [node("Neg", ["/MatMul"], ["z"])],
      outputs: [{ name: "z" }],
    };
    checkGraph(withNode(node("If", ["x"], ["z"], { attributes: { then_branch: subgraph(body) } })));
    checkGraph({ ...graph, inputs: [...graph.inputs, { name: "w", dtype: "float32", shape: [2, 2] }] });
  });

  test.each<[string, Graph, RegExp]>([
    ["nodes out of order", { ...linear(), nodes: [...linear().nodes].reverse() }, /'y'|Neg/],
    ["a name defined twice", withNode(node("Neg", ["x"], ["/MatMul"])), /node 3 \(Neg\).*'\/MatMul'/],
    ["an undefined value", withNode(node("Neg", ["gone"], ["z"])), /node 3 \(Neg\).*'gone'/],
    ["no opset", withNode(node("Gelu", ["x"], ["z"], { domain: "com.microsoft" })), /com\.micro/],
    ["a node without operator", withNode(node("", ["x"], ["z"])), /operator/],
    ["half an integer", withNode(node("Cast", ["x"], ["z"], { attributes: { to: int(0.5) } })), /'to'.*0\.5/],
    [
      "an output nothing computes",
      { ...linear(), outputs: [{ name: "z", dtype: "float32", shape: [] }] },
      /'z'/,
    ],
    ["an output listed twice", { ...linear(), outputs: [...linear().outputs, ...linear().outputs] }, /twice/],
    ["a negative dimension", { ...linear(), inputs: [{ name: "x", dtype: "float32", shape: [-1] }] }, /-1/],
    ["opset 29", { ...linear(), opsets: { "": 29 } }, /opset must be 1 to 28, got 29/],
    [
      "IR version 3, which only files have",
      { ...linear(), irVersion: 3 },
      /IR version must be 4 to 14, got 3/,
    ],
    [
      "a short initializer",
      {
        ...linear(),
        initializers: new Map([
          ["w", { name: "w", dtype: "float32", shape: [2, 2], data: new Uint8Array(15) }],
        ]),
      },
      /'w'.*16 bytes, got 15/,
    ],
    [
      "a fault in a subgraph, naming the way to it",
      withNode(
        node("If", ["x"], ["z"], {
          attributes: { then_branch: subgraph({ ...emptyBody, nodes: [node("Neg", ["gone"], ["q"])] }) },
        }),
      ),
      /node 3 \(If\), subgraph 'then': node 0 \(Neg\).*'gone'/,
    ],
  ])("rejects %s", (_, graph, message) => {
    expect(() => {
      checkGraph(graph);
    }).toThrow(message);
  });
});
