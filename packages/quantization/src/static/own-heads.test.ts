import { GraphBuilder, int, type Graph } from "@slm/onnx";
import { expect, test } from "vitest";
import { headsOfTables, withOwnHeads } from "./own-heads.js";
import { tableNames } from "./rounded-weights.js";

/** Looks ids up in a table and multiplies by it, or by a separate matrix. */
function model(isTied: boolean): Graph {
  const g = new GraphBuilder("model", { opset: 21 });
  const numbers = Float32Array.from({ length: 32 }, (_, at) => Math.sin(at));
  const table = g.initializer("table", "float32", [8, 4], numbers);
  const head = isTied ? table : g.initializer("head", "float32", [8, 4], numbers.slice());
  const x = g.op("Gather", [table, g.input("ids", "int32", [3])]);
  const logits = g.op("Gemm", [x, head], { name: "product", attributes: { transB: int(1) } });
  g.output("logits", logits, "float32", [3, 8]);
  return g.build();
}

test("a product with a table that is looked up gets weights of its own, the same bytes under another name", () => {
  const tied = model(true);
  const graph = withOwnHeads(tied);
  const [lookup, product] = graph.nodes;
  expect(lookup!.inputs[0]).toBe("table");
  expect(product!.inputs[1]).toBe("table_head");
  expect(graph.initializers.get("table_head")?.data).toBe(tied.initializers.get("table")?.data);
  expect(tied.nodes[1]!.inputs[1]).toBe("table");
});

test("does not change an untied head", () => {
  const graph = model(false);
  expect(withOwnHeads(graph)).toBe(graph);
});

test("a tied head has as many bits as its table, an untied head those of the scheme", () => {
  expect([...tableNames(withOwnHeads(model(true)))]).toEqual(["table", "table_head"]);
  expect([...tableNames(model(false))]).toEqual(["table"]);
  expect([...headsOfTables(model(false), new Set(["table"]))]).toEqual(["table"]);
});
