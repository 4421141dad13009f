import { copyFile, mkdtemp, readFile, readdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { readDeviceModel, type DeviceModel, type GraphFile } from "@slm/exported-model";
import { writeTinyModel } from "@slm/exported-model/testing";
import { GraphBuilder, int, text, writeOnnx, type Graph } from "@slm/onnx";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Compiler } from "./compile-graphs.js";
import { compileFile } from "./compile-file.js";
import { compileModel } from "./compile-model.js";

const SILENT = (): void => undefined;

function portable(): Graph {
  const builder = new GraphBuilder("portable");
  const x = builder.input("x", "float32", [1, 2]);
  const weight = builder.initializer("w", "float32", [2, 1], Float32Array.of(3, 5));
  builder.output("y", builder.op("MatMul", [x, weight]), "float32", [1, 1]);
  return builder.build();
}

/** The output of a vendor's compiler: one EPContext node that names a binary, or the unchanged graph. */
function compiled(binary: string): Graph {
  const builder = new GraphBuilder("compiled");
  const x = builder.input("x", "float32", [1, 2]);
  const context = builder.op("EPContext", [x], {
    domain: "com.microsoft",
    attributes: { embed_mode: int(0), main_context: int(1), ep_cache_context: text(binary) },
  });
  builder.output("y", context, "float32", [1, 1]);
  const graph = builder.build();
  // The builder adds a node that renames the output; a compiled graph has none.
  return { ...graph, nodes: [{ ...graph.nodes[0]!, outputs: ["y"] }] };
}

/** Test double of a vendor's plug-in. */
function fakeCompiler(
  compile: (output: string, soc: string) => Promise<void>,
): Compiler & { readonly seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    plugin: {
      name: "qnn",
      version: "9.9.9",
      library: "/nowhere",
      registrationName: "QNNExecutionProvider",
      options: {},
      preload: [],
      serves: ["npu:qnn"],
      folder: "/nowhere",
    },
    compile: async ({ soc, source, output }) => {
      seen.push(`${basename(source)} for ${soc.name}`);
      await compile(output, soc.name);
      return { milliseconds: 1500 };
    },
  };
}

const writesContext = (): ReturnType<typeof fakeCompiler> =>
  fakeCompiler(async (output, soc) => {
    const binary = `${basename(output, ".onnx")}_qnn.bin`;
    await writeOnnx(compiled(binary), output);
    await writeFile(join(dirname(output), binary), `binary for ${soc}`);
  });

const root = temporaryFolder({ each: true });
let modelDirectory: string;
let outputDirectory: string;

async function writeNpuModel(change: Partial<DeviceModel> = {}): Promise<void> {
  const encoder = await writeOnnx(portable(), join(modelDirectory, "encoder.8.onnx"));
  const decoder = await writeOnnx(portable(), join(modelDirectory, "decoder.8.onnx"));
  for (const name of ["encoder.16.onnx", "decoder.16.onnx"])
    await copyFile(
      join(modelDirectory, name.startsWith("enc") ? "encoder.8.onnx" : "decoder.8.onnx"),
      join(modelDirectory, name),
    );
  const graph = (file: string, bytes: number): GraphFile => ({
    file,
    bytes,
    scheme: "float32",
  });
  const [enc16, dec16] = [graph("encoder.16.onnx", encoder.bytes), graph("decoder.16.onnx", decoder.bytes)];
  await writeTinyModel(modelDirectory, {
    target: "npu",
    profile: "qnn",
    graphs: { encoder: enc16, decoder: dec16 },
    static: {
      window: 8,
      maskedBias: -100,
      buckets: [
        {
          source: 8,
          encoder: graph("encoder.8.onnx", encoder.bytes),
          decoder: graph("decoder.8.onnx", decoder.bytes),
        },
        { source: 16, encoder: enc16, decoder: dec16 },
      ],
    },
    ...change,
  });
}

beforeEach(async () => {
  modelDirectory = await mkdtemp(join(root, "model-"));
  outputDirectory = await mkdtemp(join(root, "out-"));
  await writeNpuModel();
});

describe(compileModel, () => {
  test("compiles the graphs of every size for every chip, and lists them in model.json next to the portable ones", async () => {
    const compiler = writesContext();
    const report = await compileModel({
      modelDirectory,
      outputDirectory,
      socs: ["sm8550", "sm8750"],
      progress: SILENT,
      compiler,
    });
    expect(compiler.seen).toEqual([
      "encoder.16.onnx for sm8550",
      "decoder.16.onnx for sm8550",
      "encoder.8.onnx for sm8550",
      "decoder.8.onnx for sm8550",
      "encoder.16.onnx for sm8750",
      "decoder.16.onnx for sm8750",
      "encoder.8.onnx for sm8750",
      "decoder.8.onnx for sm8750",
    ]);
    expect(report).toMatchObject({ plugin: "qnn 9.9.9", profile: "qnn" });
    expect(report.chips.map(({ soc, generation }) => [soc, generation])).toEqual([
      ["sm8550", "Hexagon v73"],
      ["sm8750", "Hexagon v79"],
    ]);
    expect(report.chips[0]!.graphs[0]).toMatchObject({ graph: "encoder.16.onnx", seconds: 1.5 });
    const model = await readDeviceModel(outputDirectory);
    expect(model.compiled?.map(({ soc, plugin }) => [soc, plugin])).toEqual([
      ["sm8550", "qnn 9.9.9"],
      ["sm8750", "qnn 9.9.9"],
    ]);
    const form = model.compiled![1]!.graphs["decoder.8.onnx"]!;
    expect(form).toMatchObject({
      file: "compiled/sm8750/decoder.8.onnx",
      binaries: ["compiled/sm8750/decoder.8_qnn.bin"],
    });
    const binary = await readFile(join(outputDirectory, form.binaries[0]!), "utf8");
    expect(binary).toBe("binary for sm8750");
    const onnx = await readFile(join(outputDirectory, form.file));
    expect(form.bytes).toBe(onnx.length + binary.length);
    const files = await readdir(outputDirectory);
    expect(files.sort()).toEqual([
      "compiled",
      "decoder.16.onnx",
      "decoder.8.onnx",
      "encoder.16.onnx",
      "encoder.8.onnx",
      "model.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
  });

  test("keeps compiled graphs of other chips, and replaces graphs of the same chip", async () => {
    const compiler = writesContext();
    const common = { progress: SILENT, compiler };
    await compileModel({ ...common, modelDirectory, outputDirectory, socs: ["sm8550", "sm8650"] });
    const second = await mkdtemp(join(root, "second-"));
    await compileModel({
      ...common,
      modelDirectory: outputDirectory,
      outputDirectory: second,
      socs: ["sm8650"],
    });
    const { compiled: entries } = await readDeviceModel(second);
    expect(entries?.map(({ soc }) => soc)).toEqual(["sm8550", "sm8650"]);
    expect((await readdir(join(second, "compiled"))).sort()).toEqual(["sm8550", "sm8650"]);
  });

  test("rejects a graph of which the compiler left nodes to the CPU", async () => {
    const compiler = fakeCompiler(async (output) => {
      await writeOnnx(portable(), output);
    });
    const compiling = compileModel({
      modelDirectory,
      outputDirectory,
      socs: ["sm8550"],
      progress: SILENT,
      compiler,
    });
    await expect(compiling).rejects.toMatchObject({
      code: "OP_UNSUPPORTED",
      message: expect.stringContaining("MatMul") as string,
    });
  });

  test.each([
    ["an unknown chip", {}, ["sm1"], "USAGE", "sm8650"],
    ["a model for the CPU", { target: "cpu", profile: undefined }, ["sm8650"], "OP_UNSUPPORTED", "cpu"],
    ["a profile without a compiler", { profile: "vitisai" }, ["sm8650"], "OP_UNSUPPORTED", "npu:vitisai"],
  ] as const)("rejects %s", async (_, change, socs, code, word) => {
    await writeNpuModel(change);
    const compiling = compileModel({
      modelDirectory,
      outputDirectory,
      socs,
      progress: SILENT,
      compiler: writesContext(),
    });
    await expect(compiling).rejects.toMatchObject({ code, message: expect.stringContaining(word) as string });
  });

  test("without a plug-in, says how to get one", async () => {
    vi.stubEnv("SLM_PLUGINS", join(root, "no-plug-ins"));
    await expect(
      compileModel({ modelDirectory, outputDirectory, socs: ["sm8550"], progress: SILENT }),
    ).rejects.toMatchObject({
      code: "DEVICE_UNAVAILABLE",
      suggestions: [expect.stringContaining("pip download") as string, "slm device add PACKAGE"],
    });
  });
});

describe(compileFile, () => {
  test("compiles any ONNX file, with symbolic sizes fixed as requested", async () => {
    const builder = new GraphBuilder("open");
    const x = builder.input("x", "float32", ["batch", 2]);
    builder.output("y", builder.op("Relu", [x]), "float32", ["batch", 2]);
    const file = join(root, "any.onnx");
    await writeOnnx(builder.build(), file);
    const report = await compileFile({
      file,
      outputDirectory,
      profile: "qnn",
      sizes: [{ name: "batch", sizes: [1] }],
      socs: ["sc8380xp"],
      progress: SILENT,
      compiler: writesContext(),
    });
    expect(report.chips[0]!.graphs[0]).toMatchObject({ graph: "any.onnx" });
    expect(await readdir(join(outputDirectory, "compiled/sc8380xp"))).toEqual(["any.onnx", "any_qnn.bin"]);
  });
});
