import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { rm, writeFile, truncate, readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import {
  FunctionProtoSchema,
  ModelProtoSchema,
  SparseTensorProtoSchema,
  TypeProtoSchema,
  TypeProto_SequenceSchema,
  type GraphProto,
  type ModelProto,
} from "onnx-buf";
import { describe, expect, test } from "vitest";
import { int } from "../graph/attributes.js";
import { GraphBuilder } from "../builder.js";
import { decodeModel, decodeOutline } from "../codec/decode.js";
import { encodeModel } from "../codec/encode.js";
import { writeOnnx } from "./files.js";
import type { Graph } from "../graph/graph.js";
import { readOutline } from "./read-outline.js";

function plain(): Graph {
  const g = new GraphBuilder("plain");
  const x = g.input("x", "float32", [2]);
  const w = g.initializer("w", "float32", [2], Float32Array.of(1, 2));
  g.output("y", g.op("Add", [x, w], { attributes: { a: int(1) } }), "float32", [2]);
  return g.build();
}

function external(change: (model: ModelProto, graph: GraphProto) => void): Uint8Array {
  const model = fromBinary(ModelProtoSchema, encodeModel(plain()));
  change(model, model.graph!);
  return toBinary(ModelProtoSchema, model);
}

describe(decodeOutline, () => {
  test("sees all of a plain model, and who wrote it", () => {
    const bytes = external((model) => Object.assign(model, { producerName: "tool", producerVersion: "2" }));
    expect(decodeOutline(bytes)).toEqual({ ...plain(), producer: "tool 2", omitted: [] });
  });

  test.each<[string, (model: ModelProto, graph: GraphProto) => unknown, RegExp]>([
    ["functions", (model) => model.functions.push(create(FunctionProtoSchema)), /'functions'/],
    [
      "an input that is a sequence",
      (_, graph) => {
        const value = create(TypeProto_SequenceSchema, { elemType: {} });
        graph.input[0]!.type = create(TypeProtoSchema, { value: { case: "sequenceType", value } });
      },
      /'x': only tensors are supported, got a sequence/,
    ],
    [
      "complex numbers as a type",
      (_, graph) => {
        const type = graph.input[0]!.type!.value;
        if (type.case === "tensorType") type.value.elemType = 14;
      },
      /element type 14/,
    ],
    [
      "a whole number beyond exact ones",
      (_, graph) => (graph.node[0]!.attribute[0]!.i = 2n ** 63n - 1n),
      /9223372036854775807 is rounded/,
    ],
    [
      "a field of a newer format",
      (model) => Object.assign(model, { $unknown: [{ no: 999, wireType: 0, data: Uint8Array.of(1) }] }),
      /999/,
    ],
  ])("notes %s, which reading for writing rejects by the same name", (_, change, note) => {
    const bytes = external(change);
    expect(decodeOutline(bytes).omitted.join("\n")).toMatch(note);
    expect(() => decodeModel(bytes)).toThrow(withCode("DATA_INVALID"));
  });

  test("knows a sparse weight by name and size", () => {
    const bytes = external((_, graph) => {
      const [values] = graph.initializer.splice(0, 1);
      graph.sparseInitializer.push(create(SparseTensorProtoSchema, { values: values!, dims: [1000n] }));
    });
    expect(decodeOutline(bytes).initializers.get("w")).toMatchObject({ shape: [1000], unread: true });
  });

  test("rejects damage all the same", () => {
    expect(() => decodeOutline(external((_, graph) => (graph.initializer[0]!.dims = [-1n])))).toThrow(
      withCode("DATA_INVALID"),
    );
    expect(() => decodeOutline(external((_, graph) => graph.initializer.splice(0)))).toThrow(
      withCode("DATA_INVALID"),
    );
    expect(() => decodeOutline(external((model) => (model.irVersion = 99n)))).toThrow(
      withCode("DATA_INVALID"),
    );
    expect(() =>
      decodeOutline(external((_, graph) => (graph.node[0]!.output[0] = "x".repeat(20_000)))),
    ).toThrow(withCode("DATA_INVALID"));
  });

  test("keeps a bounded number of notes", () => {
    const bytes = external((_, graph) => {
      for (let index = 0; index < 500; index += 1) {
        const value = create(TypeProto_SequenceSchema, { elemType: {} });
        const type = create(TypeProtoSchema, { value: { case: "sequenceType", value } });
        graph.input.push({ ...graph.input[0]!, name: `s${index}`, type });
      }
    });
    const { omitted } = decodeOutline(bytes);
    expect(omitted).toHaveLength(51);
    expect(omitted.at(-1)).toBe("and 450 more");
  });

  test("messages about giant names are short", () => {
    const bytes = external((_, graph) => (graph.node[0]!.name = "n".repeat(9000)));
    const corrupt = external((_, graph) => {
      graph.node[0]!.name = "n".repeat(9000);
      graph.node[0]!.input[0] = "m".repeat(9000);
    });
    expect(decodeOutline(bytes).nodes[0]!.name).toHaveLength(9000);
    expect(() => decodeOutline(corrupt)).toThrow(withCode("DATA_INVALID"));
  });
});

describe(readOutline, () => {
  const folder = temporaryFolder({ each: true });

  async function written(): Promise<string> {
    const g = new GraphBuilder("large");
    g.initializer("large", "float32", [200, 100], new Float32Array(20_000).fill(1));
    g.initializer("scales", "float32", [300], new Float32Array(300).fill(0.5));
    g.output("y", g.op("Neg", [g.input("x", "float32", ["n"])]), "float32", ["n"]);
    const path = join(folder, "model.onnx");
    await writeOnnx(g.build(), path, { externalData: { file: "weights.bin" } });
    return path;
  }

  test("leaves large weights in their file and reads small ones", async () => {
    const { initializers } = await readOutline(await written());
    expect(initializers.get("large")).toMatchObject({
      unread: true,
      shape: [200, 100],
      data: new Uint8Array(0),
    });
    expect(initializers.get("scales")?.data.byteLength).toBe(1200);
  });

  test("still rejects weights that are not there, not whole, or outside the folder", async () => {
    const path = await written();
    await truncate(join(folder, "weights.bin"), 50_000);
    await expect(readOutline(path)).rejects.toThrow(withCode("DATA_INVALID"));
    await rm(join(folder, "weights.bin"));
    await expect(readOutline(path)).rejects.toMatchObject({ code: "INPUT_MISSING" });
    const model = fromBinary(ModelProtoSchema, await readFile(path));
    for (const tensor of model.graph!.initializer)
      for (const entry of tensor.externalData) if (entry.key === "location") entry.value = "../weights.bin";
    await writeFile(path, toBinary(ModelProtoSchema, model));
    await expect(readOutline(path)).rejects.toThrow(withCode("DATA_INVALID"));
  });
});
