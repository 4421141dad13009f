/** Quantizes an export of layout transformers.js, with the file names that the library expects for each dtype. */
import { withBlockSize, type WeightFormat } from "@slm/devices";
import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  DTYPE_SUFFIXES,
  externalDataSettings,
  INLINE_LIMIT,
  TRANSFORMERS_FOLDER,
  TRANSFORMERS_GRAPHS,
  transformersWeightsFile,
  type TransformersDtype,
  type TransformersGraph,
} from "@slm/exported-model";
import { MANIFEST_FILE, readJsonFile, SILENT, writeFailure, SlmError } from "@slm/core";
import { weightBytes, readOnnx, writeOnnx, type Graph } from "@slm/onnx";
import { z } from "zod";
import type { QuantizeFileOptions, QuantizeFileReport } from "./quantize-file.js";
import { quantizeModelGraph } from "./quantize-model-graph.js";
import { int8Range } from "./reduce-range.js";
import type { QuantizedNode, SkippedWeight } from "../rewrite/quantize-graph.js";
import { graphScheme } from "./schemes.js";

/** The library's name of each format that was tested with it. */
const DTYPES: Readonly<Partial<Record<WeightFormat, TransformersDtype>>> = {
  float32: "fp32",
  "int8-dynamic": "q8",
  "int8-block": "int8",
  "int4-block": "q4",
};

const CONFIG_FILE = "config.json";

/** Rounding options are the same as for a file. The scheme must quantize only weights. */
export interface QuantizeTransformersOptions extends Pick<
  QuantizeFileOptions,
  "scheme" | "weights" | "run" | "progress" | "signal"
> {
  /** An export of layout transformers.js in float32. */
  readonly modelDirectory: string;
  readonly outputDirectory: string;
}

export interface QuantizeTransformersReport extends Omit<QuantizeFileReport, "outputs"> {
  /** The `dtype` option for the library, by graph. */
  readonly dtypes: Readonly<Partial<Record<TransformersGraph, TransformersDtype>>>;
}

/** The graphs of an export of layout transformers.js; empty for any other directory. */
export async function transformersGraphs(directory: string): Promise<readonly TransformersGraph[]> {
  const files = new Set(await readdir(join(directory, TRANSFORMERS_FOLDER)).catch(() => []));
  const names = Object.keys(TRANSFORMERS_GRAPHS) as TransformersGraph[];
  return names.filter((name) => files.has(`${name}.onnx`));
}

/**
 * Quantizes the weights of every graph and copies the other files.
 *
 * @throws SlmError INPUT_MISSING for a directory of another layout; OP_UNSUPPORTED for a scheme with calibrated activations; DATA_INVALID
 * for a graph that is already quantized; OUTPUT_FAILED; INTERRUPTED
 */
export async function quantizeTransformers(
  options: QuantizeTransformersOptions,
): Promise<QuantizeTransformersReport> {
  const { modelDirectory, outputDirectory, weights, run, progress = SILENT, signal } = options;
  const int8 = int8Range();
  const scheme = graphScheme(options.scheme);
  if (scheme.kind === "static") {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `quantize: transformers.js supports only weight schemes; ${options.scheme} also quantizes activations with calibrated ranges`,
      { suggestions: ["slm quantize MODEL --scheme int8-dynamic"] },
    );
  }
  if (DTYPES[scheme.decoder] === undefined) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `quantize: scheme ${options.scheme} is not supported with transformers.js: 2-bit weights were not tested there`,
      { suggestions: ["slm quantize MODEL --scheme int4-block"] },
    );
  }
  const names = await transformersGraphs(modelDirectory);
  if (names.length === 0) {
    const expected = Object.keys(TRANSFORMERS_GRAPHS).map((name) => `${TRANSFORMERS_FOLDER}/${name}.onnx`);
    throw new SlmError("INPUT_MISSING", `quantize: ${modelDirectory} has none of ${expected.join(", ")}`, {
      suggestions: ["slm export CHECKPOINT --layout transformers.js"],
    });
  }
  const config = await readJsonFile(join(modelDirectory, CONFIG_FILE), z.looseObject({}));
  await copyBeside(modelDirectory, outputDirectory);
  const report = {
    bytesBefore: 0,
    bytesAfter: 0,
    nodes: [] as QuantizedNode[],
    skipped: [] as SkippedWeight[],
    int8,
  };
  const dtypes: Partial<Record<TransformersGraph, TransformersDtype>> = {};
  const outside: string[] = [];
  for (const name of names) {
    const format = scheme[TRANSFORMERS_GRAPHS[name]];
    const dtype = DTYPES[format]!;
    const graph = await readOnnx(join(modelDirectory, TRANSFORMERS_FOLDER, `${name}.onnx`));
    const made = await quantizeModelGraph(graph, {
      scheme: { kind: "weights", format },
      coverage: "standard",
      reduceRange: int8.bits === 7,
      weights: withBlockSize(weights),
      run,
      signal,
      onWeight: (weight, step, total, as) => {
        progress({ stage: "quantize", step, total, message: `${name}: ${weight} ${as}` });
      },
    });
    const file = `${name}${DTYPE_SUFFIXES[dtype]}.onnx`;
    const written = await writeGraph(made.graph, join(outputDirectory, TRANSFORMERS_FOLDER), file);
    if (written.isOutside) outside.push(file);
    dtypes[name] = dtype;
    report.bytesBefore += weightBytes(graph);
    report.bytesAfter += written.bytes;
    report.nodes.push(...made.nodes);
    report.skipped.push(...made.skipped);
  }
  if (report.nodes.length === 0)
    throw new SlmError("DATA_INVALID", `quantize: no weights to quantize in ${modelDirectory}`);
  const settings = { ...config, ...NO_EXTERNAL_DATA, ...externalDataSettings(outside) };
  await writeFile(join(outputDirectory, CONFIG_FILE), `${JSON.stringify(settings, null, 2)}\n`).catch(
    (cause: unknown) => {
      throw writeFailure(cause, outputDirectory, "the directory is incomplete");
    },
  );
  return { scheme: options.scheme, ...report, dtypes };
}

/** Removes the float32 export's settings for external weights. */
const NO_EXTERNAL_DATA = { "transformers.js_config": undefined };

/** Everything except graphs and the manifest, which are written again. */
async function copyBeside(from: string, to: string): Promise<void> {
  try {
    await mkdir(join(to, TRANSFORMERS_FOLDER), { recursive: true });
    for (const entry of await readdir(from, { withFileTypes: true }))
      if (entry.isFile() && entry.name !== MANIFEST_FILE)
        await cp(join(from, entry.name), join(to, entry.name));
  } catch (cause) {
    throw writeFailure(cause, to, "the directory is incomplete");
  }
}

/** Writes a graph, with its weights inside or, if they are large, in a separate file. */
async function writeGraph(
  graph: Graph,
  folder: string,
  file: string,
): Promise<{ readonly bytes: number; readonly isOutside: boolean }> {
  const isOutside = weightBytes(graph) > INLINE_LIMIT;
  const external = isOutside ? { externalData: { file: transformersWeightsFile(file) } } : {};
  const { bytes } = await writeOnnx(graph, join(folder, file), external);
  return { bytes, isOutside };
}
