import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { subgraph } from "../graph/attributes.js";
import { GraphBuilder } from "../builder.js";
import { checkGraph } from "../checks/check.js";
import { fixSizes, sizeTemplates, symbolsOf, type FixedSizes } from "./fix-sizes.js";
import type { Graph, Subgraph } from "../graph/graph.js";

type Shape = readonly (number | string)[];

function graphOf(inputs: Readonly<Record<string, Shape>>, output: Shape = ["batch"]): Graph {
  const g = new GraphBuilder("sizes");
  const names = Object.entries(inputs).map(([name, shape]) => g.input(name, "float32", shape));
  g.output("y", g.op("Op", names), "float32", output);
  return g.build();
}

const fix = (graph: Graph, ...requests: readonly [string, ...number[]][]): Graph =>
  fixSizes(
    graph,
    requests.map(([name, ...sizes]) => ({ name, sizes })),
  );

const shapesOf = ({ inputs }: Graph): readonly Shape[] => inputs.map(({ shape }) => shape);

describe(fixSizes, () => {
  test("gives a symbol the same number wherever it stands, bodies too", () => {
    const body: Subgraph = {
      name: "then",
      nodes: [],
      initializers: new Map(),
      inputs: [],
      outputs: [{ name: "x", dtype: "float32", shape: ["batch", 4] }],
      values: new Map([["v", { name: "v", shape: [2, "batch"] }]]),
    };
    const graph = graphOf({ x: ["batch", 4], ids: ["batch", "length"] });
    const nodes = graph.nodes.map((node) => ({ ...node, attributes: { then_branch: subgraph(body) } }));
    const values = new Map([["z", { name: "z", shape: ["length", "batch"] }]]);
    for (const requests of [[["batch", 2]], [["x", 2, 4]]] as [string, ...number[]][][]) {
      const fixed = fix({ ...graph, nodes, values }, ...requests);
      checkGraph(fixed);
      expect(shapesOf(fixed)).toEqual([
        [2, 4],
        [2, "length"],
      ]);
      expect(fixed.outputs[0]!.shape).toEqual([2]);
      expect(fixed.values!.get("z")!.shape).toEqual(["length", 2]);
      const inside = fixed.nodes[0]!.attributes.then_branch;
      const replaced = inside?.kind === "graph" ? inside.value : undefined;
      expect(replaced?.outputs[0]!.shape).toEqual([2, 4]);
      expect(replaced?.values!.get("v")!.shape).toEqual([2, 2]);
    }
    expect(graph.inputs[0]!.shape).toEqual(["batch", 4]);
  });

  test.each<[string, [string, ...number[]][], RegExp]>([
    [
      "a name that nothing has",
      [["image", 1]],
      /no input or symbol of this name; its inputs: x \[batch,3\], z \[length\]/,
    ],
    ["too few axes", [["x", 1]], /has 2 axes, \[batch,3\]; got 1/],
    ["a known size that differs", [["x", 1, 4]], /axis 1 of input 'x' is 3 in the file, got 4/],
    ["two numbers for a symbol", [["batch", 1, 2]], /one size, got 2 numbers/],
    [
      "two sizes of one symbol",
      [
        ["batch", 1],
        ["x", 2, 3],
      ],
      /'batch' has one size, 1 by batch=1 and 2 here/,
    ],
    [
      "an input twice",
      [
        ["z", 1],
        ["z", 1],
      ],
      /given twice/,
    ],
    ["nothing", [["z", 0]], /integers of at least 1, got 0/],
    ["a part", [["z", 1.5]], /got 1.5/],
  ])("rejects %s", (_, requests, message) => {
    const rejected = (): Graph => fix(graphOf({ x: ["batch", 3], z: ["length"] }), ...requests);
    expect(rejected).toThrow(message);
    expect(rejected).toThrow(withCode("USAGE"));
  });

  test("any sizes that fit are those of the result, and nothing else changes", () => {
    const size = fc.oneof(
      fc.nat({ max: 9 }).map((n) => n + 1),
      fc.constantFrom("", "?", "a", "b"),
    );
    fc.assert(
      fc.property(fc.array(fc.array(size, { maxLength: 4 }), { minLength: 1, maxLength: 3 }), (shapes) => {
        const numbers = new Map([
          ["a", 5],
          ["b", 7],
        ]);
        const graph = graphOf(Object.fromEntries(shapes.map((shape, at) => [`x${at}`, shape])), ["a", "b"]);
        const wanted = shapes.map((shape) =>
          shape.map((one) => (typeof one === "number" ? one : (numbers.get(one) ?? 3))),
        );
        const requests = wanted.map((sizes, at): FixedSizes => ({ name: `x${at}`, sizes }));
        const fixed = fixSizes(graph, requests);
        expect(shapesOf(fixed)).toEqual(wanted);
        expect(fixed.nodes).toEqual(graph.nodes);
        expect(symbolsOf(fixed)).toEqual([]);
        expect(sizeTemplates(fixed)).toEqual([]);
      }),
    );
  });
});

describe(sizeTemplates, () => {
  test.each<[string, Readonly<Record<string, Shape>>, readonly string[]]>([
    ["nothing where all is known", { x: [1, 3] }, []],
    ["each input, its first axis 1", { x: ["", 3, "?", "w"], z: [4, ""] }, ["x=1,3,N,N", "z=4,N"]],
    [
      "symbols that inputs share, and other inputs whole",
      { ids: ["batch", "length"], mask: ["batch", "length"], state: [2, "", 128] },
      ["batch=1", "length=N", "state=2,N,128"],
    ],
  ])("names %s", (_, inputs, templates) => {
    expect(sizeTemplates(graphOf(inputs))).toEqual(templates);
  });
});
