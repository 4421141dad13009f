/** The quantize stage: quantizes an exported directory into a new one with the same layout. */
import { copyFile, readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  makeFolder,
  SILENT,
  readFailure,
  resolveInside,
  writeFailure,
  type Progress,
  SlmError,
} from "@slm/core";
import {
  graphsOf,
  isCompanionFile,
  modelBytes,
  readDeviceModel,
  writeDeviceModel,
  type DeviceModel,
  type GraphFile,
  type GraphName,
} from "@slm/exported-model";
import type { SchemeName, Target, WeightOptions } from "@slm/devices";
import { readOnnx, writeOnnx } from "@slm/onnx";
import type { FeedSource } from "../calibration/feeds.js";
import {
  withModelFeeds,
  withStaticFeeds,
  type ModelCalibration,
  type ModelSources,
} from "../calibration/model-feeds.js";
import type { StaticLayout } from "../calibration/static-feeds.js";
import { copyPortable } from "./portable-form.js";
import { quantizeModelGraph, type GraphOutcome, type GraphRequest } from "./quantize-model-graph.js";
import { checkDeviceScheme } from "./device-schemes.js";
import { int8Range, type Int8Range } from "./reduce-range.js";
import type { QuantizedNode, SkippedWeight } from "../rewrite/quantize-graph.js";
import { graphScheme, schemes } from "./schemes.js";
import type { RunOutputs } from "../weights/quantize-blocks.js";

export interface QuantizeDirectoryOptions {
  /** An exported float32 model: `model.json`, graphs, tokenizer. */
  readonly modelDirectory: string;
  /** Output directory. Writing is not atomic, so callers pass a working directory. */
  readonly outputDirectory: string;
  readonly scheme: SchemeName;
  readonly progress?: Progress | undefined;
  readonly weights?: WeightOptions | undefined;
  /** Weights (static schemes: nodes) that stay float32, by name. */
  readonly exclude?: ReadonlySet<string> | undefined;
  /** Calibration data for static schemes and `gptq`. */
  readonly calibration?: ModelCalibration | undefined;
  /** Runs the inner loop of block formats, possibly in several threads. Default: in this thread. */
  readonly run?: RunOutputs | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface QuantizeReport {
  readonly scheme: SchemeName;
  /** Size of what runs: all graphs with their weights, or the portable form [bytes]. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly nodes: readonly (QuantizedNode & { readonly graph: GraphName })[];
  readonly skipped: readonly (SkippedWeight & { readonly graph: GraphName })[];
  /** Bits of 8-bit weights with a scale per output. Block formats use all bits. */
  readonly int8: Int8Range;
}

function checkModel(model: DeviceModel, directory: string, scheme: SchemeName): void {
  checkDeviceScheme(model, scheme, directory);
  const parts = [model.scheme, ...graphsOf(model).map(({ graph }) => graph.scheme)];
  const other = parts.find((found) => found !== "float32");
  if (other === undefined) return;
  throw new SlmError(
    "DATA_INVALID",
    `quantize: ${directory} must be a float32 export, its model.json says '${other}'`,
    { suggestions: ["quantize the float32 export: slm quantize EXPORT_DIR --scheme cpu"] },
  );
}

async function copyCompanions(from: string, to: string): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true }).catch((error: unknown) => {
    throw readFailure(error, from);
  });
  const names = entries
    .filter((entry) => entry.isFile() && isCompanionFile(entry.name))
    .map(({ name }) => name);
  for (const name of names.sort()) {
    await copyFile(join(from, name), join(to, name)).catch((error: unknown) => {
      throw writeFailure(error, join(to, name), "the original model is unchanged");
    });
  }
}

interface GraphResult extends Pick<GraphOutcome, "nodes" | "skipped"> {
  readonly file: GraphFile;
}

/** Result of each graph of a model. */
type Results = ReadonlyMap<GraphName, GraphResult>;

/** The request for one graph of a model. */
function requestFor(
  name: GraphName,
  target: Target,
  options: QuantizeDirectoryOptions,
  feeds: FeedSource | undefined,
): GraphRequest {
  const { weights, calibration, exclude, run, signal } = options;
  const scheme = graphScheme(options.scheme);
  const progress = options.progress ?? SILENT;
  return {
    scheme: scheme.kind === "static" ? scheme : { kind: "weights", format: scheme[name] },
    // Devices other than the CPU need every operator quantized.
    coverage: target === "cpu" ? "standard" : "all",
    reduceRange: int8Range(target).bits === 7,
    weights,
    exclude,
    calibration: calibration && feeds && { runtime: calibration.runtime, feeds, signal },
    run,
    signal,
    onWeight: (weight, step, total, format) => {
      progress({ stage: "quantize", step, total, message: `${name} ${weight} ${format}` });
    },
  };
}

/** Reads, quantizes and writes one graph, so that only one is in memory. */
async function quantizeGraphFile(
  name: GraphName,
  { file }: GraphFile,
  target: Target,
  options: QuantizeDirectoryOptions,
  feeds: FeedSource | undefined,
): Promise<GraphResult> {
  const graph = await readOnnx(resolveInside(options.modelDirectory, file));
  const request = requestFor(name, target, options, feeds);
  const result = await quantizeModelGraph(graph, request);
  const path = resolveInside(options.outputDirectory, file);
  await makeFolder(dirname(path)).catch((error: unknown) => {
    throw writeFailure(error, path, "nothing was written");
  });
  const { bytes } = await writeOnnx(result.graph, path, {
    externalData: { file: `${basename(file)}.data` },
  });
  const scheme = request.scheme.kind === "weights" ? request.scheme.format : options.scheme;
  return {
    file: { file, bytes, scheme: result.nodes.length === 0 ? "float32" : scheme },
    nodes: result.nodes,
    skipped: result.skipped,
  };
}

/** Quantizes the graphs one after the other, with their calibration data if there is any. */
async function quantizeInTurn(
  graphs: ReturnType<typeof graphsOf>,
  model: DeviceModel,
  options: QuantizeDirectoryOptions,
  feeds?: ModelSources,
): Promise<Results> {
  const results = new Map<GraphName, GraphResult>();
  for (const { name, graph } of graphs)
    results.set(name, await quantizeGraphFile(name, graph, model.target, options, feeds?.[name]));
  return results;
}

function quantizeGraphs(model: DeviceModel, options: QuantizeDirectoryOptions): Promise<Results> {
  const { calibration, modelDirectory } = options;
  const graphs = graphsOf(model);
  return calibration === undefined
    ? quantizeInTurn(graphs, model, options)
    : withModelFeeds(modelDirectory, calibration, (feeds) => quantizeInTurn(graphs, model, options, feeds));
}

/**
 * Quantizes a model's static graphs of every size. The graphs of the longest source are the model's own. The vision graph has one size and
 * is quantized once, with the images of the rows that fit the longest source.
 */
async function quantizeBuckets(
  model: DeviceModel,
  layout: StaticLayout,
  options: QuantizeDirectoryOptions,
): Promise<{ readonly results: Results; readonly layout: StaticLayout }> {
  const { modelDirectory, calibration } = options;
  if (calibration === undefined) {
    throw new SlmError("CONFIG_INVALID", "quantize: static graphs need calibration rows, got none", {
      suggestions: ["--calibration ROWS.jsonl"],
    });
  }
  const buckets: StaticLayout["buckets"] = [];
  let results: Results = new Map();
  for (const [place, bucket] of layout.buckets.entries()) {
    const isLast = bucket === layout.buckets.at(-1);
    const { vision } = model.graphs;
    const graphs = { ...bucket, vision: isLast ? vision : undefined };
    results = await withStaticFeeds(modelDirectory, place, calibration, (feeds) =>
      quantizeInTurn(graphsOf({ graphs }), model, options, feeds),
    );
    buckets.push({
      source: bucket.source,
      encoder: results.get("encoder")?.file,
      chunk: results.get("chunk")?.file,
      decoder: results.get("decoder")!.file,
    });
  }
  return { results, layout: { ...layout, buckets } };
}

/** What the options choose in place of the scheme's defaults. */
function chosenBlocks({ blockSize, symmetric, embedding }: WeightOptions = {}): Pick<DeviceModel, "blocks"> {
  const blocks = { blockSize, symmetric: symmetric === true ? symmetric : undefined, embedding };
  return Object.values(blocks).some((value) => value !== undefined) ? { blocks } : {};
}

/**
 * Quantizes an exported model: copies its portable int8 form, or quantizes it graph by graph.
 *
 * Reads: `model.json`, the files it names. Writes: `model.json` with the new scheme and sizes; copies of the tokenizer and configuration
 * files; with scheme int8 the portable form and no graphs, otherwise the graphs under the same names with their weights in `<graph>.data`
 * next to them and no portable form.
 *
 * @throws SlmError INPUT_MISSING for a missing file; DATA_INVALID for a model that is broken, already quantized or has no weights to
 * quantize; OP_UNSUPPORTED for an export for another target or, with scheme int8, without portable form; CONFIG_INVALID if calibration
 * data are missing; USAGE if output and input are the same directory; OUTPUT_FAILED if writing fails; INTERRUPTED.
 */
export async function quantizeDirectory(options: QuantizeDirectoryOptions): Promise<QuantizeReport> {
  const { modelDirectory, outputDirectory, scheme } = options;
  if (resolve(modelDirectory) === resolve(outputDirectory)) {
    throw new SlmError(
      "USAGE",
      `quantize: the output directory must not be the input directory, ${modelDirectory}`,
    );
  }
  const model = await readDeviceModel(modelDirectory);
  checkModel(model, modelDirectory, scheme);
  return schemes[scheme].kind === "portable"
    ? keepPortable(model, options)
    : quantizeGraphsOf(model, options);
}

/** Scheme int8: the portable form and no graphs. */
async function keepPortable(model: DeviceModel, options: QuantizeDirectoryOptions): Promise<QuantizeReport> {
  const { modelDirectory: from, outputDirectory: to, scheme } = options;
  await makeFolder(to).catch((error: unknown) => {
    throw writeFailure(error, to, "nothing was written");
  });
  const form = await copyPortable(model, { from, to });
  await copyCompanions(from, to);
  const quantized = { ...model, scheme, graphs: {}, portable: [form] };
  await writeDeviceModel(to, quantized);
  return {
    scheme,
    bytesBefore: modelBytes(model),
    bytesAfter: modelBytes(quantized),
    nodes: [],
    skipped: [],
    int8: { bits: 8, reason: "the portable form adds 8-bit products in 32 bits" },
  };
}

async function quantizeGraphsOf(
  model: DeviceModel,
  options: QuantizeDirectoryOptions,
): Promise<QuantizeReport> {
  const { modelDirectory, outputDirectory, scheme } = options;
  const { results, layout } =
    model.static === undefined
      ? { results: await quantizeGraphs(model, options), layout: undefined }
      : await quantizeBuckets(model, model.static, options);
  const all = <Item>(pick: (result: GraphResult) => readonly Item[]): (Item & { graph: GraphName })[] =>
    [...results].flatMap(([graph, result]) => pick(result).map((item) => ({ ...item, graph })));
  const nodes = all(({ nodes: found }) => found);
  if (nodes.length === 0) {
    throw new SlmError("DATA_INVALID", `quantize: no weights to quantize in ${modelDirectory}`, {
      context: { skipped: all(({ skipped }) => skipped) },
      suggestions: ["slm export CHECKPOINT --target cpu"],
    });
  }
  await copyCompanions(modelDirectory, outputDirectory);
  const files = [...results].map(([name, { file }]) => [name, file] as const);
  const quantized: DeviceModel = {
    ...model,
    scheme,
    ...chosenBlocks(options.weights),
    graphs: { ...model.graphs, ...Object.fromEntries(files) },
    static: layout,
    ...(model.portable === undefined
      ? {}
      : { portable: undefined, noPortable: `the model was quantized to ${scheme}` }),
  };
  await writeDeviceModel(outputDirectory, quantized);
  return {
    scheme,
    bytesBefore: modelBytes(model),
    bytesAfter: modelBytes(quantized),
    nodes,
    skipped: all(({ skipped }) => skipped),
    int8: int8Range(model.target),
  };
}
