import { copyFile, mkdir, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { sha256 } from "@slm/core";
import { decoderGraph, readDeviceModel, type DeviceModel } from "@slm/exported-model";
import { tinyDeviceModel } from "@slm/exported-model/testing";
import { GraphBuilder, writeOnnx, type Graph } from "@slm/onnx";
import { beforeEach, describe, expect, test } from "vitest";
import { deployToDirectory } from "./deploy-to-directory.js";

/** A graph with one weight. */
function tinyGraph(): Graph {
  const builder = new GraphBuilder("tiny");
  const x = builder.input("x", "float32", [1, 2]);
  const weight = builder.initializer("w", "float32", [2, 1], Float32Array.of(3, 5));
  builder.output("y", builder.op("MatMul", [x, weight]), "float32", [1, 1]);
  return builder.build();
}

const modelOf = (encoderBytes: number, decoderBytes: number): DeviceModel =>
  tinyDeviceModel({
    name: "g2p",
    scheme: "cpu",
    graphs: {
      encoder: { file: "encoder.onnx", bytes: encoderBytes, scheme: "int8-dynamic" },
      decoder: { file: "onnx/decoder.onnx", bytes: decoderBytes, scheme: "int4-block" },
    },
    parameters: 1_330_000,
    vocabularySize: 80,
  });

const SIDE_FILES = {
  "tokenizer.json": "{}",
  "tokenizer_config.json": "{ }",
  "manifest.json": "{}",
  "notes.txt": "not part of the model",
} as const;

let described: DeviceModel;
const root = temporaryFolder({ each: true });
let model: string;
let outputDirectory: string;

beforeEach(async () => {
  [model, outputDirectory] = [join(root, "model"), join(root, "bundle")];
  await mkdir(join(model, "onnx"), { recursive: true });
  const externalData = { file: "encoder.onnx.data", minBytes: 1 };
  const encoder = await writeOnnx(tinyGraph(), join(model, "encoder.onnx"), { externalData });
  const decoder = await writeOnnx(tinyGraph(), join(model, "onnx/decoder.onnx"));
  described = modelOf(encoder.bytes, decoder.bytes);
  const files = { ...SIDE_FILES, "model.json": JSON.stringify(described) };
  for (const [path, text] of Object.entries(files)) await writeFile(join(model, path), text);
});

describe(deployToDirectory, () => {
  test("copies graphs, external data, tokenizer and model.json, and nothing else", async () => {
    const { bundle, files } = await deployToDirectory({ model, outputDirectory, card: {} });
    const copied = [
      "encoder.onnx",
      "encoder.onnx.data",
      "onnx/decoder.onnx",
      "model.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ] as const;
    expect(bundle).toBe(outputDirectory);
    expect(files.map(({ path }) => path)).toEqual([...copied, "README.md"]);
    for (const path of copied)
      expect(await readFile(join(bundle, path))).toEqual(await readFile(join(model, path)));
    const found = await readdir(bundle, { recursive: true });
    expect(found.filter((path) => path !== "onnx").sort()).toEqual(files.map(({ path }) => path).sort());
  });

  test("packs the graphs, not the portable form, for an engine that was asked for", async () => {
    const portable = [{ file: "portable.int8.bin", bytes: 4, weights: "int8" }];
    await writeFile(join(model, "model.json"), JSON.stringify({ ...described, target: "cpu", portable }));
    const packed = { model, outputDirectory, card: {}, engine: "onnxruntime" } as const;
    const { files } = await deployToDirectory(packed);
    expect(files.map(({ path }) => path)).toContain("onnx/decoder.onnx");
    const { scheme, ...bundled } = await readDeviceModel(outputDirectory);
    expect([scheme, bundled.portable]).toEqual(["cpu", undefined]);
    expect(bundled.noPortable).toContain("it was requested");
  });

  test("reports size and hash of every file in the bundle", async () => {
    const { bundle, files } = await deployToDirectory({ model, outputDirectory, card: {} });
    for (const { path, bytes, sha256: digest } of files) {
      const contents = await readFile(join(bundle, path));
      expect([bytes, digest]).toEqual([contents.length, sha256(contents)]);
    }
  });

  test.each(["encoder.onnx", "onnx/decoder.onnx", "tokenizer.json", "tokenizer_config.json", "model.json"])(
    "rejects a model without %s, by name",
    async (path) => {
      await rm(join(model, path));
      const deploying = deployToDirectory({ model, outputDirectory, card: {} });
      await expect(deploying).rejects.toMatchObject({
        code: "INPUT_MISSING",
        message: expect.stringContaining(path) as string,
      });
    },
  );

  test("rejects a graph that is not as large as model.json says", async () => {
    await writeFile(join(model, "model.json"), JSON.stringify(modelOf(7, 5)));
    await expect(deployToDirectory({ model, outputDirectory, card: {} })).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
  });

  test("copies the graphs of every fixed size, weights that they share, and compiled graphs with their binaries", async () => {
    const { encoder } = described.graphs;
    const decoder = decoderGraph(described);
    await copyFile(join(model, "encoder.onnx"), join(model, "encoder.8.onnx"));
    await mkdir(join(model, "compiled"));
    await writeOnnx(tinyGraph(), join(model, "compiled/encoder.onnx"));
    await writeFile(join(model, "compiled/encoder_qnn.bin"), "binary");
    const changed: DeviceModel = {
      ...described,
      target: "npu",
      profile: "qnn",
      static: {
        window: 8,
        maskedBias: -1,
        buckets: [
          { source: 8, encoder: { ...encoder!, file: "encoder.8.onnx" }, decoder },
          { source: 16, encoder: encoder!, decoder },
        ],
      },
      compiled: [
        {
          soc: "sm8550",
          plugin: "qnn 2.7.0",
          graphs: {
            "encoder.onnx": {
              file: "compiled/encoder.onnx",
              binaries: ["compiled/encoder_qnn.bin"],
              bytes: 6,
            },
          },
        },
      ],
    };
    await writeFile(join(model, "model.json"), JSON.stringify(changed));
    const { files } = await deployToDirectory({ model, outputDirectory, card: {} });
    expect(files.map(({ path }) => path)).toEqual([
      "encoder.onnx",
      "encoder.onnx.data",
      "onnx/decoder.onnx",
      "encoder.8.onnx",
      "compiled/encoder.onnx",
      "compiled/encoder_qnn.bin",
      "model.json",
      "tokenizer.json",
      "tokenizer_config.json",
      "README.md",
    ]);
  });

  test("rejects a symbolic link, which could carry a external file into the bundle", async () => {
    await writeFile(join(root, "secret"), "{}");
    await rm(join(model, "tokenizer.json"));
    await symlink(join(root, "secret"), join(model, "tokenizer.json"));
    await expect(deployToDirectory({ model, outputDirectory, card: {} })).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
  });

  test("rejects a graph path that leaves the model directory", async () => {
    const graphs = { decoder: { ...decoderGraph(described), file: "../secret.onnx" } };
    await writeFile(join(model, "model.json"), JSON.stringify({ ...described, graphs }));
    await expect(deployToDirectory({ model, outputDirectory, card: {} })).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
  });
});
