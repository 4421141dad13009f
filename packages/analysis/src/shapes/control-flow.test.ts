import { decodeOutline, GraphBuilder, int, ints, subgraph, type Graph, type Subgraph } from "@slm/onnx";
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { inferShapes } from "./infer.js";

type Build = (g: GraphBuilder) => string;

function facts(build: Build, opset = 21): { shape: unknown; dtype: unknown; problems: readonly string[] } {
  const g = new GraphBuilder("flow", { opset });
  const value = build(g);
  const graph: Graph = { ...g.build(), outputs: [{ name: value, dtype: "float32" }] };
  const inferred = inferShapes({ ...graph, producer: "", omitted: [] });
  const { shape, dtype } = inferred.facts.of(value);
  return { shape, dtype, problems: inferred.problems.map(({ message }) => message) };
}

const node = (
  opType: string,
  inputs: string[],
  output: string,
  attributes = {},
): Subgraph["nodes"][number] => ({
  name: output,
  opType,
  domain: "",
  inputs,
  outputs: [output],
  attributes,
});

/** A loop body that returns `next` as the new loop-carried value. */
const loopBody = (next: Subgraph["nodes"][number]): Subgraph => ({
  name: "body",
  initializers: new Map(),
  nodes: [node("Identity", ["go"], "on"), next],
  inputs: [{ name: "turn" }, { name: "go" }, { name: "state" }],
  outputs: [{ name: "on" }, { name: "next" }],
});

const loop =
  (next: Subgraph["nodes"][number]): Build =>
  (g) =>
    g.op("Loop", [g.input("count", "int64", []), "", g.input("x", "float32", [1, 4])], {
      attributes: { body: subgraph(loopBody(next)) },
    });

const branches =
  (condition: (g: GraphBuilder) => string, then: Build): Build =>
  (g) => {
    const x = g.input("x", "float32", [1, 4]);
    const attributes = {
      then_branch: subgraph(g.branch("then", () => then(g))),
      else_branch: subgraph(g.branch("else", () => g.op("Identity", [x]))),
    };
    return g.op("If", [condition(g)], { attributes });
  };

describe("what a loop carries", () => {
  test("keeps the sizes that every turn keeps", () => {
    expect(facts(loop(node("Neg", ["state"], "next"))).shape).toEqual([1, 4]);
  });

  test("loses the sizes that a turn changes, inside the body too", () => {
    const grown = loop(node("Concat", ["state", "state"], "next", { axis: int(0) }));
    expect(facts(grown).shape).toEqual(["", 4]);
    const g = new GraphBuilder("grown");
    g.output("y", grown(g), "float32", ["", 4]);
    const graph = g.build();
    const inferred = inferShapes({ ...graph, producer: "", omitted: [] });
    const body = graph.nodes.find(({ opType }) => opType === "Loop")!.attributes.body;
    if (body?.kind !== "graph") throw new Error("no body");
    expect(inferred.facts.bodyFacts(body.value)!.of("state").shape).toEqual(["", 4]);
    expect(inferred.problems).toEqual([]);
  });

  test("is found in bounded time for deeply nested loops", () => {
    let body = loopBody(node("Concat", ["state", "state"], "next", { axis: int(0) }));
    for (let depth = 0; depth < 40; depth += 1)
      body = loopBody(node("Loop", ["turn", "", "state"], "next", { body: subgraph(body) }));
    const deep: Build = (g) =>
      g.op("Loop", [g.input("count", "int64", []), "", g.input("x", "float32", [1, 4])], {
        attributes: { body: subgraph(body) },
      });
    const start = performance.now();
    expect(facts(deep).dtype).toBe("float32");
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("branches", () => {
  const unknown = (g: GraphBuilder): string => g.input("c", "bool", []);
  const turned: Build = (g) => g.op("Transpose", ["x"], { attributes: { perm: ints([1, 0]) } });

  test("have in common what both know", () => {
    expect(facts(branches(unknown, turned)).shape).toEqual(["", ""]);
    expect(facts(branches(unknown, (g) => g.op("Neg", ["x"]))).shape).toEqual([1, 4]);
  });

  test.each([
    [1, [4, 1]],
    [0, [1, 4]],
  ])("are one where the condition is always %s", (value, shape) => {
    expect(facts(branches((g) => g.constant("bool", [], [value]), turned)).shape).toEqual(shape);
  });

  test("follow a condition that sizes decide, through Equal, Not and Cast", () => {
    const isOne = (g: GraphBuilder): string => {
      const size = g.op("Gather", [g.op("Shape", ["x"]), g.constant("int64", [], [0])]);
      const not = g.op("Not", [g.op("Equal", [size, g.constant("int64", [], [1])])]);
      return g.op("Cast", [not], { attributes: { to: int(9) } });
    };
    expect(facts(branches(isOne, turned)).shape).toEqual([1, 4]);
  });

  test("that are never taken are no problem, whatever is wrong in them", () => {
    const wrong: Build = (g) => g.op("MatMul", ["x", "x"]);
    expect(facts(branches((g) => g.constant("bool", [], [0]), wrong)).problems).toEqual([]);
    expect(facts(branches(unknown, wrong)).problems).toHaveLength(1);
  });
});

describe("scans", () => {
  const scan = (attributes: object, shape: readonly number[], opset: number): Build => {
    const body: Subgraph = {
      name: "body",
      initializers: new Map(),
      nodes: [node("Add", ["sum", "row"], "next")],
      inputs: [{ name: "sum" }, { name: "row" }],
      outputs: [{ name: "next" }, { name: "next" }].map(({ name }, at) => ({
        name: at === 0 ? name : "copy",
      })),
    };
    const copy = { ...body, nodes: [...body.nodes, node("Identity", ["next"], "copy")] };
    return (g) => {
      const state = g.input("s", "float32", opset < 9 ? [2, 5] : [5]);
      const inputs = [...(opset < 9 ? [""] : []), state, g.input("x", "float32", shape)];
      const all = { num_scan_inputs: int(1), body: subgraph(copy), ...attributes };
      return g.node("Scan", inputs, { attributes: all, outputs: 2 })[1]!;
    };
  };

  test.each<[string, object, readonly number[], number, readonly number[]]>([
    ["over the first axis", {}, [3, 5], 21, [3, 5]],
    ["over another axis", { scan_input_axes: ints([1]) }, [5, 3], 21, [3, 5]],
    ["into another axis", { scan_output_axes: ints([-1]) }, [3, 5], 21, [5, 3]],
    ["with a batch before it, in opset 8", {}, [2, 3, 5], 8, [2, 3, 5]],
  ])("%s", (_, attributes, shape, opset, expected) => {
    expect(facts(scan(attributes, shape, opset), opset)).toEqual({
      shape: expected,
      dtype: "float32",
      problems: [],
    });
  });
});

test("pads that a small matrix computes are followed, as PyTorch writes them", () => {
  const padded: Build = (g) => {
    const list = g.op("Concat", [g.ints([0, 3]), g.ints([0, 0])], { attributes: { axis: int(0) } });
    const rows = g.op("Reshape", [list, g.ints([-1, 2])]);
    const turned = g.op("Slice", [rows, g.ints([-1]), g.ints([-(2 ** 40)]), g.ints([0]), g.ints([-1])]);
    const pads = g.op("Reshape", [
      g.op("Transpose", [turned], { attributes: { perm: ints([1, 0]) } }),
      g.ints([-1]),
    ]);
    return g.op("Pad", [g.input("x", "float32", [2, 7]), pads]);
  };
  expect(facts(padded).shape).toEqual([2, 10]);
});

test("an unknown input size gets a symbol, so that derived sizes can be tracked", async () => {
  const url = new URL("../../fixtures/bert-block.onnx", import.meta.url);
  const outline = decodeOutline(new Uint8Array(await readFile(url)));
  const open = outline.inputs.map((input) => ({
    ...input,
    shape: input.shape?.map((size) => (typeof size === "number" ? size : "?")),
  }));
  const bare = { ...outline, inputs: open as typeof outline.inputs, values: new Map() };
  const outputs = outline.outputs.map(({ name }) => ({ name }));
  const [output] = outline.outputs;
  const [input] = outline.inputs;
  const { shape } = inferShapes({ ...bare, outputs }).facts.of(output!.name);
  expect(shape?.[0]).toBe(`${input!.name}[0]`);
});
