/** Quantizes a third-party ONNX file. */
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { makeFolder, SILENT, writeFailure, type Progress, shellWord, SlmError } from "@slm/core";
import { withBlockSize, type SchemeName, type WeightOptions } from "@slm/devices";
import { liftConstants, modelFiles, readOnnx, writeOnnx, type Graph } from "@slm/onnx";
import type { Runtime } from "@slm/runtime";
import { fetchedFloats, runOn, type FeedSource } from "../calibration/feeds.js";
import { logitDivergence } from "../calibration/logit-divergence.js";
import { quantizeModelGraph } from "./quantize-model-graph.js";
import { int8Range, type Int8Range } from "./reduce-range.js";
import type { QuantizedNode, SkippedWeight } from "../rewrite/quantize-graph.js";
import { graphScheme } from "./schemes.js";
import type { Coverage } from "../static/operator-rules.js";
import type { RunOutputs } from "../weights/quantize-blocks.js";

/** Real inputs of a graph, and the runtime for them. */
interface FileCalibration {
  readonly runtime: Runtime;
  readonly feeds: FeedSource;
}

export interface QuantizeFileOptions {
  /** The model. Its external weights are read too. */
  readonly input: string;
  /** The quantized model. Its weights are written to `<name>.data` next to it. */
  readonly output: string;
  /** Edit of the graph before quantization, such as fixing input shapes. Default: none. */
  readonly prepare?: ((graph: Graph) => Graph) | undefined;
  /** If a scheme treats encoder and decoder differently, the encoder's formats are used. */
  readonly scheme: SchemeName;
  /** Operators that static schemes quantize. Default `standard`. */
  readonly coverage?: Coverage | undefined;
  /** Default block size: 32 for all matrices. */
  readonly weights?: WeightOptions | undefined;
  /** Weights (static schemes: nodes) that stay float32, by name. */
  readonly exclude?: ReadonlySet<string> | undefined;
  readonly calibration?: FileCalibration | undefined;
  readonly run?: RunOutputs | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The change of one output over all calibration data. */
interface OutputChange {
  readonly name: string;
  /** ||original - quantized|| / ||original||. */
  readonly relativeError: number;
  /** KL divergence of the softmax over the last axis [nats per row]. */
  readonly divergence: number;
}

export interface QuantizeFileReport {
  readonly scheme: SchemeName;
  /** Model and weights [bytes]. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly nodes: readonly QuantizedNode[];
  readonly skipped: readonly SkippedWeight[];
  /** Bits of 8-bit weights with a scale per output. Block formats use all bits. */
  readonly int8: Int8Range;
  /** Empty without calibration data. */
  readonly outputs: readonly OutputChange[];
}

/**
 * Quantizes an ONNX file of any origin. Weights that cannot be quantized do not change; the report gives the reason. Files with parts that
 * a rewrite would lose (functions, sparse weights, quantization annotations) are rejected.
 *
 * Reads: `input` and its external data. Writes: `output` and its weights.
 *
 * @throws SlmError INPUT_MISSING; DATA_INVALID for a model that is broken, would lose parts, is already quantized or has nothing to
 * quantize; OP_UNSUPPORTED for an opset that the scheme does not support; CONFIG_INVALID if calibration data are missing; OUTPUT_FAILED;
 * INTERRUPTED
 */
export async function quantizeFile(options: QuantizeFileOptions): Promise<QuantizeFileReport> {
  const { input, output, coverage = "standard" } = options;
  const { progress = SILENT, weights, calibration, run, exclude, signal } = options;
  const { prepare = (graph: Graph): Graph => graph } = options;
  const int8 = int8Range();
  const graph = prepare(liftConstants(await readOnnx(input)));
  const scheme = graphScheme(options.scheme);
  const result = await quantizeModelGraph(graph, {
    scheme: scheme.kind === "static" ? scheme : { kind: "weights", format: scheme.encoder },
    coverage,
    reduceRange: int8.bits === 7,
    weights: withBlockSize(weights),
    calibration: calibration && { ...calibration, signal },
    exclude,
    run,
    signal,
    onWeight: (weight, step, total, format) => {
      progress({ stage: "quantize", step, total, message: `${weight} ${format}` });
    },
  });
  if (result.nodes.length === 0) {
    throw nothingToQuantize(input, options.scheme, result);
  }
  await makeFolder(dirname(output)).catch((error: unknown) => {
    throw writeFailure(error, output, "nothing was written");
  });
  const { bytes } = await writeOnnx(result.graph, output, {
    externalData: { file: `${basename(output)}.data` },
  });
  return {
    scheme: options.scheme,
    bytesBefore: await bytesOf(input),
    bytesAfter: bytes,
    nodes: result.nodes,
    skipped: result.skipped,
    int8,
    outputs: calibration === undefined ? [] : await compareFiles(graph, output, options.input, calibration),
  };
}

/** Bytes of a model file and its external data. */
async function bytesOf(path: string): Promise<number> {
  const names = await modelFiles(path);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(dirname(path), name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Weight schemes quantize only weights of products, which a convolutional model does not have. */
function nothingToQuantize(
  input: string,
  scheme: SchemeName,
  { skipped }: Pick<QuantizeFileReport, "skipped">,
): SlmError {
  const reasons = [...new Set(skipped.map(({ reason }) => reason))];
  const why =
    reasons.length === 0
      ? ""
      : `: none of its ${skipped.length} matrices can be quantized, ${reasons.slice(0, 3).join("; ")}`;
  const isWeights = graphScheme(scheme).kind !== "static";
  return new SlmError("DATA_INVALID", `quantize: no weights to quantize in ${input}${why}`, {
    context: { skipped },
    suggestions: isWeights ? [`slm quantize ${shellWord(input)} --scheme a8w8 --calibration FEEDS`] : [],
  });
}

/** Runs both files on all data and compares every float32 output. */
async function compareFiles(
  { outputs }: Graph,
  quantized: string,
  original: string,
  { runtime, feeds }: FileCalibration,
): Promise<readonly OutputChange[]> {
  const names = outputs.filter(({ dtype }) => dtype === "float32").map(({ name }) => name);
  const changes = new Map(names.map((name) => [name, new Change()]));
  const first = await runtime.load({ kind: "file", path: original }, { name: basename(original) });
  try {
    const second = await runtime.load({ kind: "file", path: quantized }, { name: basename(quantized) });
    try {
      for (const part of feeds) {
        for await (const batch of part()) {
          const [before, after] = await Promise.all(
            [first, second].map((session) => runOn(session, batch, names)),
          );
          for (const [name, change] of changes) {
            const width = before![name]!.shape.at(-1) ?? 1;
            change.add(fetchedFloats(before!, name), fetchedFloats(after!, name), width);
          }
        }
      }
    } finally {
      await second.release();
    }
  } finally {
    await first.release();
  }
  return [...changes].map(([name, change]) => change.of(name));
}

/** Accumulates the change of one output over runs. */
class Change {
  #distance = 0;
  #size = 0;
  #divergence = 0;
  #runs = 0;

  add(exact: Float32Array, got: Float32Array, width: number): void {
    exact.forEach((value, at) => {
      this.#distance += (value - got[at]!) ** 2;
      this.#size += value ** 2;
    });
    if (exact.length > 0) this.#divergence += logitDivergence(exact, got, width);
    this.#runs += 1;
  }

  of(name: string): OutputChange {
    return {
      name,
      relativeError: this.#distance === 0 ? 0 : Math.sqrt(this.#distance / this.#size),
      divergence: this.#divergence / this.#runs,
    };
  }
}

/** Path of the model that `quantizeFile` writes into a directory. */
export const quantizedFileIn = (directory: string, input: string): string => join(directory, basename(input));
