import type { SchemeName } from "@slm/devices";
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import {
  decoderGraph,
  modelBytes,
  readDeviceModel,
  writeDeviceModel,
  type DeviceModel,
} from "@slm/exported-model";
import { tinyDeviceModel } from "@slm/exported-model/testing";
import { GraphBuilder, int, readOnnx, writeOnnx, type Graph } from "@slm/onnx";
import { beforeEach, describe, expect, test } from "vitest";
import { quantizeDirectory } from "./quantize-directory.js";

const WIDTH = 96;
const VOCAB = 128;

/** The same numbers between -1 and 1 every time. */
function values(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, at) => Math.sin(at * 12.9898 + 1));
}

function encoder(): Graph {
  const g = new GraphBuilder("encoder");
  const ids = g.input("source_ids", "int32", ["batch", "source"]);
  const table = g.initializer("embedding.weight", "float32", [VOCAB, WIDTH], values(VOCAB * WIDTH));
  const x = g.op("Gather", [table, ids], { name: "embed" });
  const w = g.initializer("k.weight", "float32", [WIDTH, 48], values(WIDTH * 48));
  const b = g.initializer("k.bias", "float32", [48], values(48));
  g.output("cross.0.key", g.op("Add", [g.op("MatMul", [x, w], { name: "k" }), b]), "float32", [
    "batch",
    "source",
    48,
  ]);
  return g.build();
}

function decoder(): Graph {
  const g = new GraphBuilder("decoder");
  const ids = g.input("target_ids", "int32", ["batch", "target"]);
  const table = g.initializer("embedding.weight", "float32", [VOCAB, WIDTH], values(VOCAB * WIDTH));
  const gain = g.initializer("norm.weight", "float32", [WIDTH], values(WIDTH));
  const x = g.op("SimplifiedLayerNormalization", [g.op("Gather", [table, ids]), gain]);
  const logits = g.op("FusedMatMul", [x, table], {
    domain: "com.microsoft",
    name: "head",
    attributes: { transB: int(1) },
  });
  g.output("logits", logits, "float32", ["batch", "target", VOCAB]);
  return g.build();
}

const MODEL = tinyDeviceModel({
  name: "toy",
  graphs: { decoder: { file: "decoder.onnx", bytes: 0, scheme: "float32" } },
  vocabularySize: VOCAB,
  headDim: 16,
  maxSource: 8,
  maxTarget: 8,
});

const root = temporaryFolder({ each: true });
let input = "";
let output = "";

beforeEach(async () => {
  input = await mkdtemp(join(root, "export-"));
  output = join(root, "quantized");
});

async function exportToy(changes: Partial<DeviceModel> = {}, graph: Graph = decoder()): Promise<void> {
  const external = (name: string): object => ({ externalData: { file: `${name}.onnx.data` } });
  const encoderBytes = (await writeOnnx(encoder(), join(input, "encoder.onnx"), external("encoder"))).bytes;
  const decoderBytes = (await writeOnnx(graph, join(input, "decoder.onnx"), external("decoder"))).bytes;
  const graphs = {
    encoder: { file: "encoder.onnx", bytes: encoderBytes, scheme: "float32" },
    decoder: { file: "decoder.onnx", bytes: decoderBytes, scheme: "float32" },
  };
  await writeDeviceModel(input, { ...MODEL, graphs, ...changes });
  await writeFile(join(input, "tokenizer.json"), '{"kind":"toy"}');
  await writeFile(join(input, "config.json"), "{}");
  await writeFile(join(input, "manifest.json"), "{}");
}

const quantize = (scheme: SchemeName): ReturnType<typeof quantizeDirectory> =>
  quantizeDirectory({ modelDirectory: input, outputDirectory: output, scheme });

describe(quantizeDirectory, () => {
  test("writes a smaller model that says what it is", async () => {
    await exportToy();
    const report = await quantize("cpu");
    const model = await readDeviceModel(output);
    expect(model.scheme).toBe("cpu");
    expect(model.graphs.encoder?.scheme).toBe("int8-dynamic");
    expect(decoderGraph(model).scheme).toBe("int4-block");
    const files = (await readdir(output)).filter((name) => name.includes(".onnx"));
    const sizes = await Promise.all(files.map(async (name) => (await stat(join(output, name))).size));
    expect(report.bytesAfter).toBe(sizes.reduce((sum, size) => sum + size, 0));
    expect(modelBytes(model)).toBe(report.bytesAfter);
    expect(report.bytesBefore).toBe(modelBytes(await readDeviceModel(input)));
    expect(report.bytesAfter).toBeLessThan(report.bytesBefore / 2);
  });

  test("reports every node with its error", async () => {
    await exportToy();
    const { nodes, skipped, int8 } = await quantize("cpu");
    expect(int8.bits).toBe(7);
    expect(nodes.map(({ graph, name, scheme }) => [graph, name, scheme])).toEqual([
      ["encoder", "/embed", "int8-dynamic"],
      ["encoder", "/k", "int8-dynamic"],
      ["decoder", "/Gather", "int8-block"],
      ["decoder", "/head", "int8-block"],
    ]);
    for (const { relativeError, scheme } of nodes) {
      expect(relativeError).toBeGreaterThan(0);
      // With a scale per output the default is 7 bits, which doubles the step of 8 bits.
      expect(relativeError).toBeLessThan(scheme === "int8-dynamic" ? 0.012 : 0.006);
    }
    expect(skipped).toEqual([]);
  });

  test("stores the table of embedding and head in the format that was asked for", async () => {
    await exportToy();
    const paths = { modelDirectory: input, outputDirectory: output };
    const weights = { embedding: "int4-block" } as const;
    const { nodes } = await quantizeDirectory({ ...paths, scheme: "int4-block", weights });
    expect(new Set(nodes.map(({ scheme }) => scheme))).toEqual(new Set(["int4-block"]));
    expect((await readDeviceModel(output)).blocks).toEqual(weights);
  });

  test("leaves no float32 matrix and keeps norms and biases as they were", async () => {
    await exportToy();
    for (const scheme of ["cpu", "int8-dynamic", "int4-block", "int2-block"] as const) {
      output = join(root, scheme);
      await quantize(scheme);
      const graphs = [
        await readOnnx(join(output, "encoder.onnx")),
        await readOnnx(join(output, "decoder.onnx")),
      ];
      const names = graphs.flatMap(({ initializers }) => [...initializers.keys()]);
      expect(names).not.toContain("embedding.weight");
      expect(names).not.toContain("k.weight");
      expect(graphs[0]!.initializers.get("k.bias")!.dtype).toBe("float32");
      expect(graphs[1]!.initializers.get("norm.weight")).toEqual(decoder().initializers.get("norm.weight"));
    }
  });

  test("copies the tokenizer and the configuration, not the manifest of the export", async () => {
    await exportToy();
    await quantize("cpu");
    expect(await readFile(join(output, "tokenizer.json"), "utf8")).toBe('{"kind":"toy"}');
    expect((await readdir(output)).sort()).toEqual([
      "config.json",
      "decoder.onnx",
      "decoder.onnx.data",
      "encoder.onnx",
      "encoder.onnx.data",
      "model.json",
      "tokenizer.json",
    ]);
  });

  test("rejects a model that is quantized already, by its description or by its nodes", async () => {
    await exportToy();
    await quantize("cpu");
    const again = quantizeDirectory({
      modelDirectory: output,
      outputDirectory: join(root, "x"),
      scheme: "cpu",
    });
    await expect(again).rejects.toMatchObject({ code: "DATA_INVALID", message: /model.json says 'cpu'/ });
    const model = await readDeviceModel(output);
    const graphs = {
      encoder: { ...model.graphs.encoder!, scheme: "float32" },
      decoder: { ...decoderGraph(model), scheme: "float32" },
    };
    await writeDeviceModel(output, { ...model, scheme: "float32", graphs });
    const disguised = quantizeDirectory({
      modelDirectory: output,
      outputDirectory: join(root, "x"),
      scheme: "cpu",
    });
    await expect(disguised).rejects.toMatchObject({ code: "DATA_INVALID", message: /already quantized/ });
  });

  test("rejects a model without weights", async () => {
    const g = new GraphBuilder("decoder");
    g.output("logits", g.op("Neg", [g.input("x", "float32", [1])]), "float32", [1]);
    await exportToy({}, g.build());
    const { decoder: bare } = (await readDeviceModel(input)).graphs;
    await writeDeviceModel(input, { ...MODEL, architecture: "decoder-only", graphs: { decoder: bare } });
    await expect(quantize("cpu")).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: /no weights to quantize/,
    });
  });

  test("rejects missing files, other targets and its own input as output", async () => {
    await expect(quantize("cpu")).rejects.toMatchObject({ code: "INPUT_MISSING", message: /model\.json/ });
    await exportToy();
    await rm(join(input, "decoder.onnx"));
    await expect(quantize("cpu")).rejects.toMatchObject({ code: "INPUT_MISSING", message: /decoder\.onnx/ });
    await exportToy({ target: "npu" });
    await expect(quantize("cpu")).rejects.toMatchObject({ code: "OP_UNSUPPORTED", message: /'npu'/ });
    output = input;
    await expect(quantize("cpu")).rejects.toMatchObject({ code: "USAGE" });
  });

  test("rejects graph paths that leave the directory", async () => {
    await exportToy({ graphs: { decoder: { file: "../decoder.onnx", bytes: 1, scheme: "float32" } } });
    await expect(quantize("cpu")).rejects.toMatchObject({ code: "DATA_INVALID" });
  });

  test("stops between two weights when it is interrupted", async () => {
    await exportToy();
    const stop = new AbortController();
    const running = quantizeDirectory({
      modelDirectory: input,
      outputDirectory: output,
      scheme: "cpu",
      signal: stop.signal,
      progress: () => {
        stop.abort();
      },
    });
    await expect(running).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});
