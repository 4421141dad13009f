/** Checkpoint in, directory out that a runtime can load: graphs, weights beside them, model.json, tokenizer. */
import { copyFile, readdir, stat, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import {
  DEVICE_MODEL_FILE,
  SILENT,
  SLM_VERSION,
  throwIfInterrupted,
  writeDeviceModel,
  writeFailure,
  type DeviceModel,
  type Progress,
} from "@slm/artifact";
import { SlmError } from "@slm/error";
import { writeOnnx, type Graph } from "@slm/graph";
import {
  CONFIG_FILE,
  flopsPerToken,
  parameterCount,
  readCheckpoint,
  type Checkpoint,
  type ModelConfig,
} from "@slm/model";
import type { Runtime, Session } from "@slm/runtime";
import { createOnnxEngine, type Engine } from "@slm/tensor";
import { loadTokenizer, TOKENIZER_CONFIG_FILE, TOKENIZER_FILE } from "@slm/tokenizer";
import { exportConfig, type ExportTarget } from "./export-config.js";
import { checkHeadSize } from "./lowerings/heads.js";
import { cacheCapacity, decoderGraph, encoderGraph, type Metadata } from "./model-graphs.js";
import { checkParity, compareLogits, type ParityReport } from "./parity.js";

/** What an export needs besides its weights. */
export interface ExportSettings {
  /** An existing, empty directory; the caller makes it appear whole. */
  readonly outputDirectory: string;
  readonly target: ExportTarget;
  /** Runs the parity check. Without a runtime nothing is compared, and the report says so. */
  readonly runtime?: Runtime | undefined;
  /** Runs the training forward pass that the graphs are compared with. Default: compiled, on `runtime`. */
  readonly engine?: Engine | undefined;
  /** Default 1e-3. */
  readonly parityLimit?: number | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ExportModelOptions extends ExportSettings {
  /** Holds config.json, model.safetensors, tokenizer.json and tokenizer_config.json. */
  readonly checkpointDirectory: string;
  /** Name of the model in model.json and reports. Default: that of the checkpoint directory. */
  readonly name?: string | undefined;
}

export interface ExportReport {
  /** Every file written, by its path inside the output directory. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** Version of ONNX's operators. */
  readonly opset: number;
  readonly parameters: number;
  /** null: no runtime was given, nothing was compared. */
  readonly parity: ParityReport | null;
}

/** A model to export that need not be on disk. */
export interface ExportSource extends Checkpoint {
  readonly name: string;
  readonly tokenizerDirectory: string;
  /** Further facts to store in the ONNX files. */
  readonly metadata?: Metadata;
}

/**
 * Lowers a checkpoint to graphs of the target and compares them with the trained model.
 *
 * Reads: the checkpoint directory. Writes: encoder.onnx (encoder-decoder only) and decoder.onnx, their weights in
 * `.onnx.data` files beside them, model.json, config.json and the tokenizer's files.
 *
 * @throws SlmError INPUT_MISSING, CONFIG_INVALID, DATA_INVALID or SHAPE_MISMATCH if the checkpoint or its tokenizer is
 * not whole; OP_UNSUPPORTED if the target cannot compute it; GATE_FAILED if a logit differs by more than `parityLimit`;
 * OUTPUT_FAILED if the disk refuses.
 */
export async function exportModel(options: ExportModelOptions): Promise<ExportReport> {
  const { checkpointDirectory, name, ...settings } = options;
  const checkpoint = await readCheckpoint(checkpointDirectory);
  return exportWeights(
    {
      ...checkpoint,
      name: name ?? basename(resolve(checkpointDirectory)),
      tokenizerDirectory: checkpointDirectory,
    },
    settings,
  );
}

/** Exports weights in host memory; otherwise as {@link exportModel}. */
export async function exportWeights(source: ExportSource, settings: ExportSettings): Promise<ExportReport> {
  const { outputDirectory, runtime, progress = SILENT, signal } = settings;
  const { parityLimit } = exportConfig.parse({ target: settings.target, parityLimit: settings.parityLimit });
  await checkSource(source);
  const files: { path: string; bytes: number }[] = [];
  const graphs: { readonly file: string; readonly bytes: number; readonly graph: Graph }[] = [];
  for (const { file, build } of graphsOf(source)) {
    if (signal !== undefined) throwIfInterrupted(signal, "export");
    progress({ stage: "export", message: `writing ${file}` });
    const graph = build();
    const { bytes } = await writeOnnx(graph, join(outputDirectory, file), {
      externalData: { file: `${file}.data` },
    });
    graphs.push({ file, bytes, graph });
    files.push(...(await sizesOf(outputDirectory, [file, `${file}.data`])));
  }
  const entry = (file: string): DeviceModel["graphs"]["decoder"] | undefined => {
    const found = graphs.find((graph) => graph.file === file);
    return found === undefined ? undefined : { file, bytes: found.bytes, scheme: "float32" };
  };
  await writeDeviceModel(
    outputDirectory,
    describeModel(source, settings.target, { encoder: entry(ENCODER), decoder: entry(DECODER)! }),
  );
  files.push(
    ...(await sizesOf(outputDirectory, [DEVICE_MODEL_FILE])),
    ...(await copySmallFiles(source, outputDirectory)),
  );
  const parity = runtime === undefined ? null : await measureParity(source, { ...settings, runtime });
  if (parity !== null) checkParity(parity, parityLimit);
  return { files, opset: graphs[0]!.graph.opsets[""]!, parameters: parameterCount(source.config), parity };
}

const ENCODER = "encoder.onnx";
const DECODER = "decoder.onnx";

/** Everything that can be refused before anything is written. */
async function checkSource({ config, tokenizerDirectory }: ExportSource): Promise<void> {
  checkHeadSize(config);
  const tokenizer = await loadTokenizer(tokenizerDirectory);
  if (tokenizer.vocabularySize <= config.vocabularySize) return;
  throw new SlmError(
    "DATA_INVALID",
    `export: the tokenizer in ${tokenizerDirectory} has ${tokenizer.vocabularySize} tokens, the model only ${config.vocabularySize}`,
  );
}

function graphsOf(source: ExportSource): readonly { readonly file: string; readonly build: () => Graph }[] {
  const { config, weights, name } = source;
  const metadata = {
    producer: `slm ${SLM_VERSION}`,
    model: name,
    architecture: config.architecture,
    parameters: String(parameterCount(config)),
    ...source.metadata,
  };
  const decoder = { file: DECODER, build: () => decoderGraph({ config, weights }, { metadata }) };
  if (config.architecture === "decoder-only") return [decoder];
  return [{ file: ENCODER, build: () => encoderGraph({ config, weights }, { metadata }) }, decoder];
}

function describeModel(
  { config, name }: ExportSource,
  target: ExportTarget,
  graphs: DeviceModel["graphs"],
): DeviceModel {
  const { architecture, vocabularySize, decoderLayers, kvHeads, headDim, maxSource, tokens } = config;
  return {
    schemaVersion: 1,
    name,
    architecture,
    target,
    scheme: "float32",
    graphs,
    parameters: parameterCount(config),
    ...{ vocabularySize, decoderLayers, kvHeads, headDim, maxSource, tokens },
    maxTarget: cacheCapacity(config),
    flops: flopsPerToken(config),
  };
}

async function copySmallFiles(
  { config, tokenizerDirectory }: ExportSource,
  outputDirectory: string,
): Promise<readonly { readonly path: string; readonly bytes: number }[]> {
  const copied = [TOKENIZER_FILE, TOKENIZER_CONFIG_FILE];
  try {
    for (const file of copied) await copyFile(join(tokenizerDirectory, file), join(outputDirectory, file));
    await writeFile(join(outputDirectory, CONFIG_FILE), configText(config));
  } catch (cause) {
    throw writeFailure(cause, outputDirectory, "the directory is not complete");
  }
  return sizesOf(outputDirectory, [CONFIG_FILE, ...copied]);
}

const configText = (config: ModelConfig): string => `${JSON.stringify(config, null, 2)}\n`;

/** Sizes of those files that are there: a graph of very small weights has none beside it. */
async function sizesOf(
  directory: string,
  files: readonly string[],
): Promise<{ path: string; bytes: number }[]> {
  const present = new Set(await readdir(directory));
  const written = files.filter((path) => present.has(path));
  return Promise.all(
    written.map(async (path) => ({ path, bytes: (await stat(join(directory, path))).size })),
  );
}

async function measureParity(
  source: ExportSource,
  settings: ExportSettings & { readonly runtime: Runtime },
): Promise<ParityReport> {
  const { runtime, outputDirectory, progress = SILENT, signal } = settings;
  const engine = settings.engine ?? createOnnxEngine(runtime);
  const load = (file: string): Promise<Session> =>
    runtime.load({ kind: "file", path: join(outputDirectory, file) }, { name: `${source.name}/${file}` });
  const decoder = await load(DECODER);
  let encoder: Session | undefined;
  try {
    if (source.config.architecture === "encoder-decoder") encoder = await load(ENCODER);
    return await compareLogits(source, { encoder, decoder }, { runtime, engine, progress, signal });
  } finally {
    await decoder.release();
    await encoder?.release();
  }
}
