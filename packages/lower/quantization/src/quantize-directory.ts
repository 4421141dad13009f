/** The quantize stage: an exported directory in, a smaller one of the same layout out. */
import { copyFile, mkdir, readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  SILENT,
  readDeviceModel,
  readFailure,
  resolveInside,
  writeDeviceModel,
  writeFailure,
  type DeviceModel,
  type Progress,
} from "@slm/artifact";
import { SlmError } from "@slm/error";
import { readOnnx, writeOnnx } from "@slm/graph";
import type { BlockSize } from "./int4-blocks.js";
import { quantizeGraph, type QuantizedNode, type SkippedWeight } from "./quantize-graph.js";
import { schemes, type SchemeName } from "./schemes.js";

export interface QuantizeDirectoryOptions {
  /** An exported float32 model: `model.json`, its graphs, its tokenizer. */
  readonly modelDirectory: string;
  /** Where the quantized model goes. Not atomic: the caller gives a working directory. */
  readonly outputDirectory: string;
  readonly scheme: SchemeName;
  readonly progress?: Progress;
  /** int4-block: weights that share one scale. Default 32. */
  readonly blockSize?: BlockSize;
  /** int8-dynamic: 7-bit weights for x86 processors without VNNI. Default false. */
  readonly reduceRange?: boolean;
  readonly signal?: AbortSignal;
}

type GraphName = keyof DeviceModel["graphs"];
type GraphFile = DeviceModel["graphs"]["decoder"];

export interface QuantizeReport {
  readonly scheme: SchemeName;
  /** All graphs with their weights [bytes]. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly nodes: readonly (QuantizedNode & { readonly graph: GraphName })[];
  readonly skipped: readonly (SkippedWeight & { readonly graph: GraphName })[];
}

/** Files that belong to a model besides its graphs. */
const COPIED = /^(?:tokenizer.*|config|generation_config|special_tokens_map)\.json$/;

function checkModel(model: DeviceModel, directory: string): void {
  if (model.target !== "cpu") {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `quantize: these schemes use operators of target cpu, ${directory} was exported for '${model.target}'`,
      { suggestions: ["slm export CHECKPOINT --target cpu"] },
    );
  }
  const parts = [model.scheme, model.graphs.encoder?.scheme, model.graphs.decoder.scheme];
  const other = parts.find((scheme) => scheme !== undefined && scheme !== "float32");
  if (other === undefined) return;
  throw new SlmError(
    "DATA_INVALID",
    `quantize: ${directory} must be a float32 export, its model.json says '${other}'`,
    { suggestions: ["quantize the float32 export: slm quantize EXPORT_DIR --scheme cpu"] },
  );
}

async function copyCompanions(from: string, to: string): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && COPIED.test(entry.name)).map(({ name }) => name);
  for (const name of names.sort()) {
    await copyFile(join(from, name), join(to, name)).catch((error: unknown) => {
      throw writeFailure(error, join(to, name), "the model it was copied from is unchanged");
    });
  }
}

interface GraphResult {
  readonly file: GraphFile;
  readonly nodes: readonly QuantizedNode[];
  readonly skipped: readonly SkippedWeight[];
}

async function quantizeGraphFile(
  name: GraphName,
  file: GraphFile,
  options: QuantizeDirectoryOptions,
): Promise<GraphResult> {
  const { modelDirectory, outputDirectory, scheme, blockSize = 32, reduceRange = false } = options;
  const progress = options.progress ?? SILENT;
  const graph = await readOnnx(resolveInside(modelDirectory, file.file));
  const format = schemes[scheme][name];
  const result = await quantizeGraph(graph, {
    format,
    blockSize,
    reduceRange,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onWeight: (weight, step, total) => {
      progress({ stage: "quantize", step, total, message: `${name} ${weight} ${format}` });
    },
  });
  const path = resolveInside(outputDirectory, file.file);
  await mkdir(dirname(path), { recursive: true }).catch((error: unknown) => {
    throw writeFailure(error, path, "nothing was written");
  });
  const { bytes } = await writeOnnx(result.graph, path, {
    externalData: { file: `${basename(file.file)}.data` },
  });
  const kept = result.nodes.length === 0 ? "float32" : format;
  return { file: { file: file.file, bytes, scheme: kept }, nodes: result.nodes, skipped: result.skipped };
}

/**
 * Quantizes an exported model, graph by graph.
 *
 * Reads: `model.json`, the graphs it names and their weights.
 * Writes: the graphs under the same names with their weights in `<graph>.data` beside them, `model.json` with the new
 * scheme and sizes, and copies of the tokenizer and configuration files.
 *
 * @throws SlmError INPUT_MISSING for a missing file; DATA_INVALID for a model that is broken, quantized already or has
 * no weights to quantize; OP_UNSUPPORTED for one exported for another target; USAGE if output and input are the same
 * directory; OUTPUT_FAILED if the disk refuses; INTERRUPTED.
 */
export async function quantizeDirectory(options: QuantizeDirectoryOptions): Promise<QuantizeReport> {
  const { modelDirectory, outputDirectory, scheme } = options;
  if (resolve(modelDirectory) === resolve(outputDirectory)) {
    throw new SlmError(
      "USAGE",
      `quantize: the output must be another directory than the input, ${modelDirectory}`,
    );
  }
  const model = await readDeviceModel(modelDirectory);
  checkModel(model, modelDirectory);
  const { encoder, decoder } = model.graphs;
  const encoderResult =
    encoder === undefined ? undefined : await quantizeGraphFile("encoder", encoder, options);
  const decoderResult = await quantizeGraphFile("decoder", decoder, options);
  const results = { encoder: encoderResult, decoder: decoderResult };
  const all = <Item>(pick: (result: GraphResult) => readonly Item[]): (Item & { graph: GraphName })[] =>
    (["encoder", "decoder"] as const).flatMap((graph) => {
      const result = results[graph];
      return result === undefined ? [] : pick(result).map((item) => ({ ...item, graph }));
    });
  const nodes = all(({ nodes: found }) => found);
  if (nodes.length === 0) {
    throw new SlmError("DATA_INVALID", `quantize: no weights to quantize in ${modelDirectory}`, {
      context: { skipped: all(({ skipped }) => skipped) },
      suggestions: ["slm export CHECKPOINT --target cpu"],
    });
  }
  await copyCompanions(modelDirectory, outputDirectory).catch((error: unknown) => {
    throw readFailure(error, modelDirectory);
  });
  const graphs = {
    ...(encoderResult === undefined ? {} : { encoder: encoderResult.file }),
    decoder: decoderResult.file,
  };
  await writeDeviceModel(outputDirectory, { ...model, scheme, graphs });
  return {
    scheme,
    bytesBefore: (encoder?.bytes ?? 0) + decoder.bytes,
    bytesAfter: (encoderResult?.file.bytes ?? 0) + decoderResult.file.bytes,
    nodes,
    skipped: all(({ skipped }) => skipped),
  };
}
