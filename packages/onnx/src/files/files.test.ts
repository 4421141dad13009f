import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { SlmError } from "@slm/core";
import { mkdir, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { ModelProtoSchema, type TensorProto } from "onnx-buf";
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../builder.js";
import { encodeModel } from "../codec/encode.js";
import { EXTERNAL_ALIGNMENT } from "./external-layout.js";
import { readOnnx, writeOnnx, writeOnnxSet } from "./files.js";
import type { Graph } from "../graph/graph.js";

const folder = temporaryFolder({ each: true });
const another = temporaryFolder();

const external = { externalData: { file: "weights.bin" } };

/** Two views of the same 4 KiB, another 4,000 bytes, and a weight too small for external data. */
function weighty(): Graph {
  const g = new GraphBuilder("weighty");
  const shared = Float32Array.from({ length: 1024 }, (_, index) => index);
  g.initializer("tied.a", "float32", [32, 32], shared);
  g.initializer("odd", "uint8", [4001], new Uint8Array(4001).fill(7));
  g.initializer("tied.b", "uint8", [4096], shared);
  g.initializer("half", "float32", [512], shared.subarray(512));
  g.initializer("small", "float32", [2], Float32Array.of(1, 2));
  g.output("y", g.op("Neg", [g.input("x", "float32", ["n"])]), "float32", ["n"]);
  return g.build();
}

describe(writeOnnx, () => {
  test("writes a model that reads back the same, with and without external data", async () => {
    for (const options of [{}, external, { externalData: { file: "all.bin", minBytes: 0 } }]) {
      const path = join(folder, "model.onnx");
      await writeOnnx(weighty(), path, options);
      expect(await readOnnx(path)).toEqual(weighty());
    }
  });

  test("stores weights over the same bytes once, each at an aligned offset", async () => {
    const path = join(folder, "model.onnx");
    const { bytes } = await writeOnnx(weighty(), path, external);
    const weights = await readFile(join(folder, "weights.bin"));
    const model = await readFile(path);
    expect(bytes).toBe(weights.length + model.length);
    // 4096, then 4001 padded to a multiple of 64, then half, which has other bytes of the same buffer.
    expect(weights.length).toBe(4096 + 4032 + 2048);
    const places = fromBinary(ModelProtoSchema, model).graph!.initializer.map(({ name, externalData }) => [
      name,
      externalData.find(({ key }) => key === "offset")?.value,
    ]);
    const expected = { "tied.a": "0", odd: "4096", "tied.b": "0", half: "8128", small: undefined };
    expect(Object.fromEntries(places)).toEqual(expected);
    expect(8128 % EXTERNAL_ALIGNMENT).toBe(0);
  });

  test("weights that were stored once are one array again after reading", async () => {
    const path = join(folder, "model.onnx");
    await writeOnnx(weighty(), path, external);
    const { initializers } = await readOnnx(path);
    expect(initializers.get("tied.a")?.data.buffer).toBe(initializers.get("tied.b")?.data.buffer);
  });

  test("leaves an existing model as it was where writing fails", async () => {
    const path = join(folder, "model.onnx");
    await writeOnnx(weighty(), path);
    const before = await readFile(path);
    await expect(writeOnnx({ ...weighty(), nodes: [] }, path)).rejects.toThrow(SlmError);
    await mkdir(join(folder, "taken.bin"));
    await expect(writeOnnx(weighty(), path, { externalData: { file: "taken.bin" } })).rejects.toMatchObject({
      code: "OUTPUT_FAILED",
    });
    expect(await readFile(path)).toEqual(before);
    expect((await readdir(folder)).sort()).toEqual(["model.onnx", "taken.bin"]);
  });

  test.each(["../w.bin", "sub/w.bin", "/w.bin", "..", "", "a\\b", "model.onnx"])(
    "rejects to put weights at '%s'",
    async (file) => {
      const writing = writeOnnx(weighty(), join(folder, "model.onnx"), { externalData: { file } });
      await expect(writing).rejects.toMatchObject({ code: "DATA_INVALID" });
      expect(await readdir(folder)).toEqual([]);
    },
  );
});

/** A model with a changed location of its first weight. */
async function redirected(change: (tensor: TensorProto) => unknown): Promise<string> {
  const path = join(folder, "model.onnx");
  await writeOnnx(weighty(), path, external);
  const model = fromBinary(ModelProtoSchema, await readFile(path));
  const tensor = model.graph!.initializer[0]!;
  change(tensor);
  await writeFile(path, toBinary(ModelProtoSchema, model));
  return path;
}

/** Sets one entry of a weight's location. */
const at =
  (name: string, value: string) =>
  ({ externalData }: TensorProto): void => {
    externalData.find(({ key }) => key === name)!.value = value;
  };

describe(readOnnx, () => {
  const outside = ["../weights.bin", "sub/../weights.bin", "/etc/passwd", "..\\weights.bin", "C:weights.bin"];
  test.each([...outside, "", "a\0b"])("rejects weights at '%s'", async (location) => {
    const path = await redirected(at("location", location));
    await expect(readOnnx(path)).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("follows a link inside the folder and rejects one that leads out", async () => {
    const path = await redirected(at("location", "link.bin"));
    await symlink(join(folder, "weights.bin"), join(folder, "link.bin"));
    expect(await readOnnx(path)).toEqual(weighty());
    await writeFile(join(another, "weights.bin"), await readFile(join(folder, "weights.bin")));
    await rm(join(folder, "link.bin"));
    await symlink(join(another, "weights.bin"), join(folder, "link.bin"));
    await expect(readOnnx(path)).rejects.toThrow(withCode("DATA_INVALID"));
    await rm(join(folder, "link.bin"));
    await symlink(another, join(folder, "sub"));
    const through = await redirected(at("location", "sub/weights.bin"));
    await expect(readOnnx(through)).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("reads weights from a folder below the model", async () => {
    const path = await redirected(at("location", "sub/weights.bin"));
    await mkdir(join(folder, "sub"));
    await writeFile(join(folder, "sub", "weights.bin"), await readFile(join(folder, "weights.bin")));
    expect(await readOnnx(path)).toEqual(weighty());
  });

  test("takes a missing offset as 0 and a missing length as the shape's", async () => {
    const path = await redirected((tensor) => tensor.externalData.splice(1));
    expect(await readOnnx(path)).toEqual(weighty());
  });

  test.each<[string, Parameters<typeof redirected>[0], RegExp]>([
    ["an offset past the end", at("offset", "10240"), /have 10176 bytes, expected 4096 at offset 10240/],
    ["a negative offset", at("offset", "-1"), /'-1'/],
    ["an offset beyond exact numbers", at("offset", "99999999999999999999"), /must be integers/],
    ["a length other than the shape's", at("length", "4"), /needs 4096 bytes, external data has 4/],
    [
      "a shape larger than the file",
      (tensor) => {
        tensor.dims = [2n ** 40n];
        at("length", String(2 ** 42))(tensor);
      },
      /the limit is/,
    ],
    ["a key it does not know", (tensor) => (tensor.externalData[1]!.key = "compression"), /'compression'/],
    ["bytes twice", (tensor) => (tensor.rawData = new Uint8Array(4096)), /external_data and raw_data/],
  ])("rejects %s", async (_, change, message) => {
    await expect(redirected(change).then((path) => readOnnx(path))).rejects.toThrow(message);
  });

  test("rejects many overlapping claims on one small file", async () => {
    const path = join(folder, "model.onnx");
    await writeOnnx(weighty(), path, external);
    const model = fromBinary(ModelProtoSchema, await readFile(path));
    const first = model.graph!.initializer[0]!;
    for (let shift = 1; shift < 10; shift += 1) {
      const externalData = first.externalData.map((entry) => ({
        ...entry,
        value: entry.key === "offset" ? String(shift) : entry.value,
      }));
      model.graph!.initializer.push({ ...first, name: `copy${shift}`, externalData });
    }
    await writeFile(path, toBinary(ModelProtoSchema, model));
    await expect(readOnnx(path)).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("rejects more weights than it was allowed", async () => {
    await writeOnnx(weighty(), join(folder, "model.onnx"), external);
    await expect(readOnnx(join(folder, "model.onnx"), { maxExternalBytes: 10000 })).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
  });

  test("tells a missing model and missing weights from corrupt ones", async () => {
    const path = join(folder, "model.onnx");
    await expect(readOnnx(path)).rejects.toMatchObject({ code: "INPUT_MISSING" });
    await expect(readOnnx(folder)).rejects.toMatchObject({ code: "DATA_INVALID" });
    await writeOnnx(weighty(), path, external);
    await writeFile(join(folder, "weights.bin"), new Uint8Array(100));
    await expect(readOnnx(path)).rejects.toMatchObject({ code: "DATA_INVALID" });
    await rm(join(folder, "weights.bin"));
    await expect(readOnnx(path)).rejects.toMatchObject({ code: "INPUT_MISSING" });
    await writeFile(path, encodeModel(weighty()).subarray(0, 100));
    await expect(readOnnx(path)).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});

describe(writeOnnxSet, () => {
  const weight = Float32Array.from({ length: 1024 }, (_, index) => index);

  function graphOf(name: string, own: Float32Array): Graph {
    const g = new GraphBuilder(name);
    g.initializer("shared", "float32", [1024], weight);
    g.initializer("own", "float32", [own.length], own);
    g.output("y", g.op("Neg", [g.input("x", "float32", ["n"])]), "float32", ["n"]);
    return g.build();
  }

  const first = graphOf("first", new Float32Array(512).fill(1));
  const second = graphOf("second", new Float32Array(256).fill(2));
  const models = (): { graph: Graph; path: string }[] => [
    { graph: first, path: join(folder, "first.onnx") },
    { graph: second, path: join(folder, "second.onnx") },
  ];

  test("stores a weight of two graphs once, and each graph reads back the same", async () => {
    const written = await writeOnnxSet(models(), { file: "weights.bin" });
    expect((await readFile(join(folder, "weights.bin"))).length).toBe(4096 + 2048 + 1024);
    expect(await readOnnx(join(folder, "first.onnx"))).toEqual(first);
    expect(await readOnnx(join(folder, "second.onnx"))).toEqual(second);
    const model = await readFile(join(folder, "second.onnx"));
    expect(written[1]?.bytes).toBe(model.length + 4096 + 1024);
  });

  test("asks for the content of each weight once, and writes that instead of the weight's own bytes", async () => {
    const asked: string[] = [];
    await writeOnnxSet(models(), {
      file: "weights.bin",
      content: ({ name, data }) => {
        asked.push(name);
        return new Uint8Array(data.byteLength).fill(7);
      },
    });
    expect(asked).toEqual(["shared", "own", "own"]);
    const { initializers } = await readOnnx(join(folder, "first.onnx"));
    expect(new Set(initializers.get("shared")?.data)).toEqual(new Set([7]));
  });

  test("rejects content of another size, and models in different folders", async () => {
    const short = { file: "weights.bin", content: () => new Uint8Array(3) };
    await expect(writeOnnxSet(models(), short)).rejects.toMatchObject({ code: "DATA_INVALID" });
    const [one] = models();
    const elsewhere = { graph: second, path: join(folder, "sub", "second.onnx") };
    const apart = writeOnnxSet([one!, elsewhere], { file: "weights.bin" });
    await expect(apart).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});
