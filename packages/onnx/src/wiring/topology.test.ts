import { withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { subgraph } from "../graph/attributes.js";
import { GraphBuilder } from "../builder.js";
import { decodeModel } from "../codec/decode.js";
import { encodeModel } from "../codec/encode.js";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, type ModelProto } from "onnx-buf";
import type { GraphNode } from "../graph/graph.js";
import { sortNodes } from "./topology.js";

const node = (
  name: string,
  inputs: readonly string[],
  attributes: GraphNode["attributes"] = {},
): GraphNode => ({
  name,
  opType: "Op",
  domain: "",
  inputs,
  outputs: [`${name}.out`],
  attributes,
});

const names = (nodes: readonly GraphNode[]): readonly string[] => nodes.map(({ name }) => name);

describe(sortNodes, () => {
  test("leaves nodes in order as they are", () => {
    const nodes = [node("a", ["x"]), node("b", ["x"]), node("c", ["b.out", "a.out"])];
    expect(sortNodes(nodes)).toEqual(nodes);
  });

  test("puts what is computed before what reads it, captures of bodies counted", () => {
    const body = {
      name: "b",
      nodes: [],
      initializers: new Map(),
      inputs: [],
      outputs: [{ name: "last.out" }],
    };
    const nodes = [
      node("if", [], { then_branch: subgraph(body) }),
      node("mid", ["first.out"]),
      node("last", ["mid.out"]),
      node("first", []),
    ];
    expect(names(sortNodes(nodes))).toEqual(["first", "mid", "last", "if"]);
  });

  test("orders any shuffled graph, and neither loses nor doubles a node", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(1000), fc.array(fc.nat(1000), { maxLength: 3 })), { maxLength: 40 }),
        (rows) => {
          const nodes = rows.map(([, reads], index) =>
            node(`n${index}`, index === 0 ? [] : reads.map((read) => `n${read % index}.out`)),
          );
          const shuffled = nodes
            .map((item, index) => ({ item, key: rows[index]![0] }))
            .sort((a, b) => a.key - b.key);
          const sorted = sortNodes(shuffled.map(({ item }) => item));
          expect(new Set(sorted)).toEqual(new Set(nodes));
          const seen = new Set<string>();
          for (const { inputs, outputs } of sorted) {
            for (const input of inputs) expect(seen.has(input)).toBe(true);
            outputs.forEach((output) => seen.add(output));
          }
        },
      ),
    );
  });

  test("names the nodes of a cycle, and of nothing else", () => {
    const nodes = [
      node("start", []),
      node("a", ["start.out", "c.out"]),
      node("b", ["a.out"]),
      node("c", ["b.out"]),
    ];
    expect(() => sortNodes(nodes)).toThrow(SlmError);
    expect(() => sortNodes(nodes)).toThrow(withCode("DATA_INVALID"));
    expect(() => sortNodes([node("self", ["self.out"])])).toThrow(withCode("DATA_INVALID"));
  });

  test("goes as deep as the graph is long", () => {
    const nodes = Array.from({ length: 50_000 }, (_, index) => node(`n${index}`, [`n${index + 1}.out`]));
    expect(sortNodes(nodes)[0]).toBe(nodes.at(-1));
  });
});

/** A file with two consecutive nodes, after a manual change. */
function file(change: (model: ModelProto) => void): Uint8Array {
  const g = new GraphBuilder("chain");
  const x = g.input("x", "float32", [2]);
  g.output("y", g.op("Abs", [g.op("Neg", [x])]), "float32", [2]);
  const model = fromBinary(ModelProtoSchema, encodeModel(g.build()));
  change(model);
  return toBinary(ModelProtoSchema, model);
}

describe(decodeModel, () => {
  test("reads nodes in any order and keeps them sorted", () => {
    const graph = decodeModel(file((model) => model.graph!.node.reverse()));
    expect(graph.nodes.map(({ opType }) => opType)).toEqual(["Neg", "Abs", "Identity"]);
  });

  test("rejects a cycle and a value nobody computes, each by its name", () => {
    const cycle = file((model) => (model.graph!.node[0]!.input[0] = model.graph!.node[1]!.output[0]!));
    expect(() => decodeModel(cycle)).toThrow(withCode("DATA_INVALID"));
    const missing = file((model) => (model.graph!.node[0]!.input[0] = "weight"));
    expect(() => decodeModel(missing)).toThrow(withCode("DATA_INVALID"));
  });
});
