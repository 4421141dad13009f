import { withCode } from "@slm/core/testing";
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { SlmError } from "@slm/core";
import fc from "fast-check";
import { ModelProtoSchema, TensorProtoSchema, TensorProto_DataLocation, type ModelProto } from "onnx-buf";
import { describe, expect, test } from "vitest";
import { float, floats, int, ints, subgraph, tensor, text, texts } from "../graph/attributes.js";
import { GraphBuilder } from "../builder.js";
import { decodeModel } from "./decode.js";
import { decodeTensor } from "./decode-tensor.js";
import { ONNX_DTYPES, type OnnxDType } from "../graph/dtypes.js";
import { encodeAddition, encodeModel } from "./encode.js";
import type { AttributeValue, Graph } from "../graph/graph.js";

type TensorFields = MessageInitShape<typeof TensorProtoSchema>;

/** A small model with every kind of content that a graph can have. */
function everything(): Graph {
  const g = new GraphBuilder("everything", { opset: 22 });
  const x = g.input("x", "float32", ["batch", "", 3]);
  g.input("words", "string", ["batch"]);
  const w = g.initializer("w", "int4", [3, 3], Uint8Array.of(0x21, 0x43, 0x65, 0x87, 0x09));
  const body = {
    name: "body",
    nodes: [{ name: "n", opType: "Add", domain: "", inputs: ["x", "one"], outputs: ["sum"], attributes: {} }],
    initializers: new Map([
      ["one", { name: "one", dtype: "float32", shape: [], data: new Uint8Array(4) } as const],
    ]),
    inputs: [],
    outputs: [{ name: "sum" }],
    values: new Map([["sum", { name: "sum", dtype: "float32" } as const]]),
  };
  const attributes: Record<string, AttributeValue> = {
    whole: int(-7),
    real: float(0.5),
    name: text("\ufeffäöü"),
    wholes: ints([1, 2 ** 53 - 1]),
    none: ints([]),
    reals: floats([-0, Infinity]),
    names: texts(["a", ""]),
    value: tensor({ dtype: "bool", shape: [2], data: Uint8Array.of(1, 0) }),
    branch: subgraph(body),
  };
  const [y] = g.node("Everything", [x, "", w], {
    domain: "com.microsoft",
    attributes,
    outputs: ["y", "", "z"],
  });
  g.output("y", y!, "float16", []);
  return { ...g.build(), metadata: { b: "2", a: "1", __proto__0: "" } };
}

describe("encoding and decoding", () => {
  test("give the same graph back", () => {
    expect(decodeModel(encodeModel(everything()))).toEqual(everything());
  });

  test("keep attributes and metadata called like properties of every object", () => {
    const graph = everything();
    const named = Object.fromEntries([
      ["__proto__", int(1)],
      ["constructor", int(2)],
    ]);
    const nodes = graph.nodes.map((node) => ({ ...node, attributes: named }));
    const back = decodeModel(
      encodeModel({ ...graph, nodes, metadata: Object.fromEntries([["__proto__", "p"]]) }),
    );
    expect(Object.entries(back.nodes[0]!.attributes)).toEqual(Object.entries(named));
    expect(Object.entries(back.metadata)).toEqual([["__proto__", "p"]]);
  });

  test("write the same bytes whatever order attributes and metadata were added in", () => {
    const graph = everything();
    const reversed = <Value>(entries: Readonly<Record<string, Value>>): Record<string, Value> =>
      Object.fromEntries(Object.entries(entries).reverse());
    const nodes = graph.nodes.map((node) => ({ ...node, attributes: reversed(node.attributes) }));
    const other = { ...graph, nodes, opsets: reversed(graph.opsets), metadata: reversed(graph.metadata) };
    expect(encodeModel(other)).toEqual(encodeModel(graph));
  });

  test("keep any attribute values", () => {
    const attribute: fc.Arbitrary<AttributeValue> = fc.oneof(
      fc.maxSafeInteger().map(int),
      fc.float().map(float),
      fc.string({ unit: "grapheme" }).map(text),
      fc.array(fc.maxSafeInteger()).map(ints),
      fc.array(fc.float()).map(floats),
      fc.array(fc.string({ unit: "grapheme" })).map(texts),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,12}$/), attribute), (attributes) => {
        const g = new GraphBuilder("any");
        g.output("y", g.op("Any", [g.input("x", "float32", [])], { attributes }), "float32", []);
        expect(decodeModel(encodeModel(g.build())).nodes[0]?.attributes).toEqual(attributes);
      }),
    );
  });

  test("reject an invalid graph and an input without a type", () => {
    const graph = everything();
    expect(() => encodeModel({ ...graph, nodes: [] })).toThrow(SlmError);
    const proto = fromBinary(ModelProtoSchema, encodeModel(graph));
    delete proto.graph!.input[0]!.type;
    expect(() => decodeModel(toBinary(ModelProtoSchema, proto))).toThrow(withCode("DATA_INVALID"));
  });

  test("keep an output without a declared shape, but reject one without a type", () => {
    const g = new GraphBuilder("open");
    g.output("y", g.op("Neg", [g.input("x", "float32", [])]), "float32", []);
    const open: Graph = { ...g.build(), outputs: [{ name: "y", dtype: "float32" }] };
    expect(decodeModel(encodeModel(open))).toEqual(open);
    const proto = fromBinary(ModelProtoSchema, encodeModel(open));
    delete proto.graph!.output[0]!.type;
    expect(() => decodeModel(toBinary(ModelProtoSchema, proto))).toThrow(withCode("DATA_INVALID"));
  });

  test("read ONNX's domain by both its names", () => {
    const g = new GraphBuilder("alias");
    g.output("y", g.op("Neg", [g.input("x", "float32", [])]), "float32", []);
    const proto = fromBinary(ModelProtoSchema, encodeModel(g.build()));
    proto.opsetImport[0]!.domain = "ai.onnx";
    proto.graph!.node[0]!.domain = "ai.onnx";
    expect(decodeModel(toBinary(ModelProtoSchema, proto))).toEqual(g.build());
  });
});

describe("what runtimes read and other tools write", () => {
  const external = (graph: Graph, change: (model: ModelProto) => void): Graph => {
    const proto = fromBinary(ModelProtoSchema, encodeModel(graph));
    change(proto);
    return decodeModel(toBinary(ModelProtoSchema, proto));
  };

  test("weights of file format 3 are listed among the inputs, and are constants all the same", () => {
    const g = new GraphBuilder("old", { opset: 6 });
    const w = g.initializer("w", "float32", [2], Float32Array.of(1, 2));
    g.output("y", g.op("Add", [g.input("x", "float32", [2]), w]), "float32", [2]);
    const read = external(g.build(), (model) => {
      model.irVersion = 3n;
      model.graph!.input.push({ ...model.graph!.input[0]!, name: "w" });
    });
    expect(read.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(read).toEqual({ ...g.build(), irVersion: 4 });
    expect(decodeModel(encodeModel(read))).toEqual(read);
  });

  test("a weight of a newer file that is also an input stays an input, which callers can override", () => {
    const g = new GraphBuilder("default");
    const w = g.initializer("w", "float32", [2], Float32Array.of(1, 2));
    g.output("y", g.op("Neg", [w]), "float32", [2]);
    const graph: Graph = { ...g.build(), inputs: [{ name: "w", dtype: "float32", shape: [2] }] };
    expect(external(graph, () => undefined)).toEqual(graph);
  });

  test.each([-1n, -5n, -(2n ** 63n)])(
    "a size of %s in a type is unknown, in a tensor it is damage",
    (size) => {
      const graph = everything();
      const dims = (model: ModelProto): { value: unknown }[] => {
        const type = model.graph!.input[0]!.type!.value;
        return type.case === "tensorType" ? type.value.shape!.dim : [];
      };
      const read = external(graph, (model) => {
        dims(model)[2]!.value = { case: "dimValue", value: size };
      });
      expect(read.inputs[0]!.shape).toEqual(["batch", "", ""]);
      expect(() => external(graph, (model) => (model.graph!.initializer[0]!.dims[0] = size))).toThrow(
        withCode("DATA_INVALID"),
      );
    },
  );
});

describe(decodeTensor, () => {
  const decode = (fields: TensorFields): readonly number[] => {
    const proto = create(TensorProtoSchema, fields);
    return [...decodeTensor(proto, { external: new Map() }, "here").data];
  };

  test("converts every typed field of the format to raw bytes", () => {
    const bytes = (view: ArrayBufferView): number[] => [...new Uint8Array(view.buffer)];
    const dims = [2n];
    const code = (dtype: OnnxDType): { dataType: number; dims: bigint[] } => ({
      dataType: ONNX_DTYPES[dtype].code,
      dims,
    });
    expect(decode({ ...code("float32"), floatData: [1, -2] })).toEqual(bytes(Float32Array.of(1, -2)));
    expect(decode({ ...code("float64"), doubleData: [1, -2] })).toEqual(bytes(Float64Array.of(1, -2)));
    expect(decode({ ...code("int64"), int64Data: [1n, -2n] })).toEqual(bytes(BigInt64Array.of(1n, -2n)));
    expect(decode({ ...code("uint64"), uint64Data: [1n, 2n] })).toEqual(bytes(BigUint64Array.of(1n, 2n)));
    expect(decode({ ...code("uint32"), uint64Data: [1n, 2n] })).toEqual(bytes(Uint32Array.of(1, 2)));
    expect(decode({ ...code("int32"), int32Data: [1, -2] })).toEqual(bytes(Int32Array.of(1, -2)));
    expect(decode({ ...code("int16"), int32Data: [1, -2] })).toEqual(bytes(Int16Array.of(1, -2)));
    expect(decode({ ...code("float16"), int32Data: [0x3c00, 0xc000] })).toEqual(
      bytes(Uint16Array.of(0x3c00, 0xc000)),
    );
    expect(decode({ ...code("int8"), int32Data: [1, -2] })).toEqual([1, 254]);
    expect(decode({ ...code("bool"), int32Data: [1, 0] })).toEqual([1, 0]);
    expect(decode({ ...code("int4"), int32Data: [0xe1] })).toEqual([0xe1]);
    expect(decode({ ...code("uint8"), rawData: Uint8Array.of(1, 2) })).toEqual([1, 2]);
  });

  test.each<[string, TensorFields, RegExp]>([
    ["bytes that do not fill the shape", { dataType: 1, dims: [2n], floatData: [1] }, /8 bytes, got 4/],
    ["a negative dimension", { dataType: 1, dims: [-1n] }, /non-negative/],
    ["a tensor that is too large", { dataType: 1, dims: [2n ** 40n, 2n ** 40n] }, /too large for a tensor/],
    ["a dimension that no number holds", { dataType: 1, dims: [2n ** 62n] }, /2\^53/],
    [
      "two places for the bytes",
      { dataType: 1, dims: [1n], floatData: [1], rawData: new Uint8Array(4) },
      /one place/,
    ],
    ["the wrong field", { dataType: 1, dims: [1n], doubleData: [1] }, /floatData, got doubleData/],
    ["a complex number", { dataType: 14, dims: [1n], floatData: [1, 1] }, /type code 14/],
    ["strings", { dataType: 8, dims: [] }, /string tensors/],
    [
      "bytes in another file",
      { dataType: 1, dims: [1n], dataLocation: TensorProto_DataLocation.EXTERNAL },
      /another file/,
    ],
    ["65 axes", { dataType: 1, dims: Array.from({ length: 65 }, () => 1n), floatData: [1] }, /64 axes/],
  ])("rejects %s", (_, fields, message) => {
    expect(() => decode(fields)).toThrow(message);
  });

  test("gives bytes that any typed array can look at", () => {
    const g = new GraphBuilder("aligned");
    for (let length = 1; length < 9; length += 1)
      g.initializer("w".repeat(length), "uint8", [length], new Uint8Array(length));
    g.output("y", "w", "uint8", [1]);
    for (const { data } of decodeModel(encodeModel(g.build())).initializers.values())
      expect(data.byteOffset % 8).toBe(0);
  });
});

test("nodes appended to a file are part of its graph", () => {
  const graph = everything();
  const { x } = Object.fromEntries(graph.inputs.map((input) => [input.name, input]));
  const added = {
    nodes: [
      { name: "more", opType: "Mul", domain: "", inputs: ["x", "two"], outputs: ["more"], attributes: {} },
    ],
    initializers: new Map([
      ["two", { name: "two", dtype: "float32", shape: [], data: new Uint8Array(4) } as const],
    ]),
    outputs: [{ ...x!, name: "more" }],
  };
  const joined = decodeModel(Buffer.concat([encodeModel(graph), encodeAddition(added)]));
  expect(joined).toEqual({
    ...decodeModel(encodeModel(graph)),
    nodes: [...graph.nodes, ...added.nodes],
    initializers: new Map([...graph.initializers, ...added.initializers]),
    outputs: [...graph.outputs, ...added.outputs],
  });
});
