import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { readDeviceModel } from "@slm/exported-model";
import { readOnnx } from "@slm/onnx";
import { parameterCount } from "@slm/model";
import { describe, expect, test } from "vitest";
import { exportCheckpoint, exportWeights } from "./export-checkpoint.js";
import {
  checkpointDirectory,
  decoderOnly,
  emptyDirectory,
  encoderDecoder,
  randomCheckpoint,
  tokenizerDirectory,
} from "./tiny-checkpoint.test-support.js";

const root = temporaryFolder();

const COMMON = [
  "config.json",
  "decoder.onnx",
  "decoder.onnx.data",
  "portable.float32.bin",
  "portable.int8.bin",
  "model.json",
  "tokenizer.json",
  "tokenizer_config.json",
];

describe(exportCheckpoint, () => {
  test.each([
    [encoderDecoder, [...COMMON, "encoder.onnx", "encoder.onnx.data"]],
    [decoderOnly, COMMON],
  ])(
    "writes $architecture graphs, a description and the tokenizer, and lists them",
    async (config, expected) => {
      const outputDirectory = await emptyDirectory(root);
      const checkpoint = await checkpointDirectory(root, randomCheckpoint(config));
      const report = await exportCheckpoint({
        checkpointDirectory: checkpoint,
        outputDirectory,
        target: "cpu",
        name: "tiny",
      });
      expect((await readdir(outputDirectory)).sort()).toEqual([...expected].sort());
      expect(report.files.map(({ path }) => path).sort()).toEqual([...expected].sort());
      for (const { path, bytes } of report.files)
        expect((await stat(join(outputDirectory, path))).size).toBe(bytes);
      expect(report).toMatchObject({ opset: 21, parameters: parameterCount(config), parity: null });
      const model = await readDeviceModel(outputDirectory);
      const size = (name: string): number =>
        report.files.filter(({ path }) => path.startsWith(name)).reduce((sum, { bytes }) => sum + bytes, 0);
      expect(model).toMatchObject({
        name: "tiny",
        architecture: config.architecture,
        scheme: "float32",
        graphs: { decoder: { file: "decoder.onnx", bytes: size("decoder.onnx"), scheme: "float32" } },
        maxTarget: config.architecture === "decoder-only" ? 22 : 10,
      });
      expect("encoder" in model.graphs).toBe(config.architecture === "encoder-decoder");
      const { metadata } = await readOnnx(join(outputDirectory, "decoder.onnx"));
      expect(metadata).toMatchObject({ model: "tiny", architecture: config.architecture });
    },
  );

  test("rejects a checkpoint without a tokenizer before it writes anything", async () => {
    const outputDirectory = await emptyDirectory(root);
    const checkpoint = await checkpointDirectory(root, randomCheckpoint(decoderOnly));
    await rm(join(checkpoint, "tokenizer.json"));
    await expect(
      exportCheckpoint({ checkpointDirectory: checkpoint, outputDirectory, target: "cpu" }),
    ).rejects.toMatchObject({ code: "INPUT_MISSING" });
    expect(await readdir(outputDirectory)).toEqual([]);
  });
});

describe(exportWeights, () => {
  const source = { ...randomCheckpoint(decoderOnly), name: "tiny" };

  test("rejects a tokenizer with more tokens than the model", async () => {
    const outputDirectory = await emptyDirectory(root);
    const tokenizer = await tokenizerDirectory(root, 20);
    await expect(
      exportWeights({ ...source, tokenizerDirectory: tokenizer }, { outputDirectory, target: "cpu" }),
    ).rejects.toMatchObject({ code: "DATA_INVALID" });
    expect(await readdir(outputDirectory)).toEqual([]);
  });

  test("rejects unsupported heads before it writes anything", async () => {
    const outputDirectory = await emptyDirectory(root);
    const odd = { ...randomCheckpoint({ ...decoderOnly, headDim: 6 }), name: "odd" };
    await expect(
      exportWeights(
        { ...odd, tokenizerDirectory: await tokenizerDirectory(root) },
        { outputDirectory, target: "cpu" },
      ),
    ).rejects.toMatchObject({ code: "OP_UNSUPPORTED" });
    expect(await readdir(outputDirectory)).toEqual([]);
  });

  test("stops when it is interrupted", async () => {
    const signal = AbortSignal.abort();
    const settings = { outputDirectory: await emptyDirectory(root), target: "cpu", signal } as const;
    await expect(
      exportWeights({ ...source, tokenizerDirectory: await tokenizerDirectory(root) }, settings),
    ).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});
