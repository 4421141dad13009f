import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as Type,
  ModelProtoSchema,
  SparseTensorProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_SegmentSchema,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from "onnx-buf";
import { describe, expect, test } from "vitest";
import { int } from "../graph/attributes.js";
import { GraphBuilder } from "../builder.js";
import { decodeModel } from "./decode.js";
import { encodeModel } from "./encode.js";
import type { Graph } from "../graph/graph.js";

function plain(): Graph {
  const g = new GraphBuilder("plain");
  const w = g.initializer("w", "float32", [2], new Float32Array(2));
  const x = g.input("x", "float32", [2]);
  g.output("y", g.op("Add", [x, w], { attributes: { a: int(1) } }), "float32", [2]);
  return g.build();
}

interface Parts {
  readonly model: ModelProto;
  readonly graph: GraphProto;
  readonly node: NodeProto;
  readonly attribute: AttributeProto;
  readonly tensor: TensorProto;
}

/** The plain model after another tool has changed it. */
function external(change: (parts: Parts) => void): Uint8Array {
  const model = fromBinary(ModelProtoSchema, encodeModel(plain()));
  const graph = model.graph!;
  const node = graph.node[0]!;
  change({ model, graph, node, attribute: node.attribute[0]!, tensor: graph.initializer[0]! });
  return toBinary(ModelProtoSchema, model);
}

const entry = (key: string): Parts["model"]["metadataProps"][number] =>
  create(StringStringEntryProtoSchema, { key, value: "v" });

describe("a third-party model is rejected, by name, with", () => {
  test.each<[string, (parts: Parts) => unknown, RegExp]>([
    [
      "sparse initializers",
      ({ graph }) => graph.sparseInitializer.push(create(SparseTensorProtoSchema)),
      /'sparseInitializer'/,
    ],
    ["an overloaded function call", ({ node }) => (node.overload = "2"), /node '\/Add'.*'overload'/],
    ["a reference", ({ attribute }) => (attribute.refAttrName = "b"), /'a'.*'refAttrName'/],
    ["an attribute with two values", ({ attribute }) => (attribute.f = 1), /INT.*'f'/],
    ["an untyped attribute", ({ attribute }) => (attribute.type = Type.UNDEFINED), /'a'.*UNDEFINED/],
    [
      "an attribute text that is not UTF-8",
      ({ attribute }) => {
        attribute.type = Type.STRING;
        Reflect.deleteProperty(attribute, "i");
        attribute.s = Uint8Array.of(0xff);
      },
      /UTF-8/,
    ],
    ["an attribute given twice", ({ node, attribute }) => node.attribute.push(attribute), /'a'.*twice/],
    ["a segment", ({ tensor }) => (tensor.segment = create(TensorProto_SegmentSchema)), /'w'.*'segment'/],
    ["two initializers of one name", ({ graph, tensor }) => graph.initializer.push(tensor), /'w'/],
    ["metadata given twice", ({ model }) => model.metadataProps.push(entry("k"), entry("k")), /'k'.*twice/],
    [
      "two opsets of one domain",
      ({ model }) => model.opsetImport.push({ ...model.opsetImport[0]!, version: 22n }),
      /two opsets/,
    ],
    ["an older file format", ({ model }) => (model.irVersion = 2n), /IR version must be 3 to 14, got 2/],
    ["no graph", ({ model }) => Reflect.deleteProperty(model, "graph"), /no graph/],
    [
      "an unknown field of a tensor",
      ({ tensor }) => Object.assign(tensor, { $unknown: [{ no: 999, wireType: 0, data: Uint8Array.of(1) }] }),
      /TensorProto.*999/,
    ],
  ])("%s", (_, change, name) => {
    expect(() => decodeModel(external(change))).toThrow(name);
  });
});

test("what only tells people and tools about a model is left out", () => {
  const bytes = external(({ model, graph, node, tensor }) => {
    Object.assign(model, {
      producerName: "other",
      producerVersion: "1",
      domain: "d",
      modelVersion: 3n,
      docString: "doc",
    });
    for (const part of [graph, node, tensor, graph.input[0]!]) {
      part.docString = "doc";
      part.metadataProps.push(entry("trace"));
    }
    graph.input[0]!.type!.denotation = "IMAGE";
  });
  expect(decodeModel(bytes)).toEqual(plain());
});
