import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { GraphBuilder, readOnnx, writeOnnx, type Graph } from "@slm/onnx";
import { beforeEach, describe, expect, test } from "vitest";
import { quantizeTransformers, transformersGraphs } from "./quantize-transformers.js";

const root = temporaryFolder({ each: true });
const model = (): string => join(root, "model");
const out = (): string => join(root, "out");

function product(name: string): Graph {
  const g = new GraphBuilder(name);
  const x = g.input("x", "float32", ["batch", 96]);
  const values = Float32Array.from({ length: 96 * 64 }, (_, at) => Math.sin(at));
  const weight = g.initializer("weight", "float32", [96, 64], values);
  g.output("y", g.op("MatMul", [x, weight]), "float32", ["batch", 64]);
  return g.build();
}

beforeEach(async () => {
  await mkdir(join(model(), "onnx"), { recursive: true });
  for (const name of ["encoder_model", "decoder_model_merged"])
    await writeOnnx(product(name), join(model(), "onnx", `${name}.onnx`));
  const config = {
    model_type: "t5",
    "transformers.js_config": { use_external_data_format: { "a.onnx": 1 } },
  };
  await writeFile(join(model(), "config.json"), JSON.stringify(config));
  await writeFile(join(model(), "tokenizer.json"), "{}");
  await writeFile(join(model(), "manifest.json"), "{}");
});

const quantize = (scheme: Parameters<typeof quantizeTransformers>[0]["scheme"]) =>
  quantizeTransformers({ modelDirectory: model(), outputDirectory: out(), scheme });

describe(quantizeTransformers, () => {
  test("quantizes each graph in its scheme's format, under the library's file name for the dtype", async () => {
    const { dtypes, bytesBefore, bytesAfter } = await quantize("cpu");
    expect(dtypes).toEqual({ encoder_model: "q8", decoder_model_merged: "q4" });
    expect((await readdir(join(out(), "onnx"))).sort()).toEqual([
      "decoder_model_merged_q4.onnx",
      "encoder_model_quantized.onnx",
    ]);
    expect(bytesAfter).toBeLessThan(bytesBefore / 2);
    const { nodes } = await readOnnx(join(out(), "onnx", "decoder_model_merged_q4.onnx"));
    expect(nodes.map(({ opType }) => opType)).toContain("MatMulNBits");
  });

  test("copies the other files, and removes the locations of the float32 weights", async () => {
    await quantize("int8-dynamic");
    expect((await readdir(out())).sort()).toEqual(["config.json", "onnx", "tokenizer.json"]);
    expect(JSON.parse(await readFile(join(out(), "config.json"), "utf8"))).toEqual({ model_type: "t5" });
  });

  test("rejects schemes that need calibrated ranges or 2-bit kernels, and directories of another layout", async () => {
    await expect(quantize("a8w8")).rejects.toMatchObject({ code: "OP_UNSUPPORTED" });
    await expect(quantize("int2-block")).rejects.toMatchObject({
      code: "OP_UNSUPPORTED",
      suggestions: ["slm quantize MODEL --scheme int4-block"],
    });
    expect(await transformersGraphs(join(root, "nothing"))).toEqual([]);
    const other = quantizeTransformers({ modelDirectory: root, outputDirectory: out(), scheme: "cpu" });
    await expect(other).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });
});
