/** Runs written graphs on a runtime and compares them with the trained model. */
import { LEXICAL_MASKED } from "@slm/exported-model";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removePath, throwIfInterrupted, type Progress } from "@slm/core";
import type { Checkpoint } from "@slm/checkpoints";
import type { LexicalShortlist } from "@slm/generation";
import { type Weights, patchReadingOf, visionOf, type ModelConfig, type VisionTower } from "@slm/model";
import { createHostTensor, type Runtime, type Session, joinFloats } from "@slm/runtime";
import { createOnnxEngine, type Engine } from "@slm/tensor";
import { patchRows, patchRowsShape, processedSize, type PixelImage } from "@slm/vision";
import type { ExportLayout } from "../settings/layouts.js";
import type { GraphPlan, PlannedGraph } from "../graphs/graph-plan.js";
import { graphSource } from "../graphs/record.js";
import { writeGraphs } from "../graphs/write-graphs.js";
import { roundToBfloat16 } from "../weights/float-bits.js";
import { LazyWeights } from "../weights/lazy-weights.js";
import type { Shortlist } from "../weights/shortlist.js";
import { runNative } from "./native-host.js";
import {
  imageTokensOf,
  parityInputs,
  paritySizes,
  staticParitySizes,
  type CaseInputs,
  type CaseSizes,
  type ParityProblem,
} from "./parity-cases.js";
import { compareLogits, parityReport, type ParityCase, type ParityReport } from "./parity.js";
import { referenceLogits } from "./reference-logits.js";
import type { GraphHost, HostSetting } from "./run-host.js";
import { runStatic } from "./static-host.js";
import { runTransformers } from "./transformers-host.js";

// Inputs of graphs that read pixels: images, and their patches for the trained model.

/** Comparisons of a model with a fixed prompt: like {@link paritySizes}, with one source length. */
const pixelParitySizes = (config: ModelConfig, prompt: readonly number[]): readonly CaseSizes[] =>
  paritySizes(config).map((sizes) => ({ ...sizes, source: imageTokensOf(config) + prompt.length }));

/** Like {@link parityInputs}, with the prompt as every source. */
function pixelParityInputs(config: ModelConfig, sizes: CaseSizes, prompt: readonly number[]): CaseInputs {
  const { batch, source } = sizes;
  const { targetIds } = parityInputs(config, sizes);
  const { tower } = visionOf(config)!;
  const images = Array.from({ length: batch }, (_, row) => imageOf(tower, row));
  const reading = patchReadingOf(tower);
  const rows = images.map((image) => patchRows(reading, image));
  const { height, width } = images[0]!;
  return {
    targetIds,
    sourceIds: createHostTensor(
      "int32",
      [batch, prompt.length],
      Int32Array.from(images.flatMap(() => [...prompt])),
    ),
    sourceLengths: createHostTensor("int32", [batch], new Int32Array(batch).fill(source)),
    patches: createHostTensor("float32", [batch, ...patchRowsShape(reading)], joinFloats(rows)),
    pixels: createHostTensor("float32", [batch, 3, height, width], joinFloats(images.map(planesOf))),
  };
}

/** Pixel levels: a prime number, so that rows of any size differ. */
const LEVELS = 251;

/** An image that is cropped or padded, not resized, because resized samples can differ by one level. */
function imageOf({ image }: VisionTower, row: number): PixelImage {
  const { height, width } = sizeOf(image);
  const data = Uint8Array.from(
    { length: height * width * 3 },
    (_, index) => ((index + 1) * (7919 + 2 * row)) % LEVELS,
  );
  return { width, height, channels: 3, data };
}

function sizeOf(image: VisionTower["image"]): { readonly height: number; readonly width: number } {
  const { resize } = image;
  const { height, width } = processedSize(image);
  if (resize === undefined) return { height: height + 3, width: Math.max(1, width - 2) };
  return resize.kind === "shortestEdge"
    ? { height: resize.pixels, width: resize.pixels + 3 }
    : { height, width };
}

/** Samples by channels, `[3, height, width]`. */
function planesOf({ width, height, data }: PixelImage): Float32Array {
  const plane = width * height;
  return Float32Array.from(
    { length: 3 * plane },
    (_, index) => data[(index % plane) * 3 + Math.floor(index / plane)]!,
  );
}

export interface MeasureParityOptions {
  readonly plan: GraphPlan;
  readonly layout: ExportLayout;
  /** Contains the graphs. */
  readonly directory: string;
  readonly runtime: Runtime;
  /** Tokens that the decoder can produce; only these are compared. Default: all. */
  readonly shortlist?: Shortlist | undefined;
  /** The lexical shortlist; only its tokens are compared. Default: none. */
  readonly lexical?: LexicalShortlist | undefined;
  /** Runs the training forward pass. Default: compiled, on `runtime`. */
  readonly engine: Engine | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

/**
 * Compares every graph of a plan with the training forward pass in float32. Graphs are loaded one set at a time and released before the
 * trained model is loaded, so a large model is in memory only once.
 *
 * No runtime that slm supports computes in bfloat16. bfloat16 graphs are recorded again in float32, with weights rounded to bfloat16, and
 * the report says so.
 */
export async function measureParity(
  checkpoint: Checkpoint,
  options: MeasureParityOptions,
): Promise<ParityReport> {
  const { plan, runtime } = options;
  const { precision } = plan.device;
  if (precision !== "bfloat16") {
    const basis = `the ${precision} graphs`;
    return parityReport(await compareAll(checkpoint, options, precision), runtime, basis);
  }
  const directory = await mkdtemp(join(tmpdir(), "slm-bfloat16-"));
  try {
    const device = { ...plan.device, precision: "float32" } as const;
    const source = graphSource({ ...checkpoint, weights: rounded(checkpoint.weights) }, device, {
      deferred: true,
      shortlist: options.shortlist,
      lexical: options.lexical,
    });
    const simulated = { ...options, directory, plan: { ...plan, device } };
    await writeGraphs(simulated.plan, source, { ...simulated, outputDirectory: directory });
    const basis = "the same graphs in float32, with weights rounded to bfloat16";
    return parityReport(await compareAll(checkpoint, simulated, "float32"), runtime, basis);
  } finally {
    await removePath(directory);
  }
}

function rounded(weights: Weights): Weights {
  return new LazyWeights(weights.keys(), (name) => {
    const { shape, data } = weights.get(name)!;
    return createHostTensor("float32", shape, roundToBfloat16(data as Float32Array));
  });
}

/** The graphs that run together, and their sizes. */
interface GraphSet {
  readonly vision: PlannedGraph | undefined;
  readonly encoder: PlannedGraph | undefined;
  readonly chunk: PlannedGraph | undefined;
  readonly decoder: PlannedGraph;
  readonly sizes: readonly CaseSizes[];
}

async function compareAll(
  checkpoint: Checkpoint,
  options: MeasureParityOptions,
  precision: HostSetting["precision"],
): Promise<readonly ParityCase[]> {
  const { plan, runtime, progress, signal } = options;
  const engine = options.engine ?? createOnnxEngine(runtime);
  const presentKv = plan.device.caches;
  const setting: HostSetting = { config: checkpoint.config, runtime, precision, presentKv };
  const answers: Answer[] = [];
  for (const set of graphSets(checkpoint, plan))
    answers.push(...(await runSet(set, { ...options, setting })));
  const inputs = answers.map((answer) => answer.problem.inputs);
  const expected = await referenceLogits(checkpoint, inputs, { engine, progress, signal });
  return answers.map(({ problem, actual }, index) =>
    compareLogits(problem.sizes, {
      actual,
      expected: expected[index]!,
      shortlist: options.shortlist,
      isMasked: options.lexical === undefined ? undefined : (logit) => logit < LEXICAL_MASKED / 2,
    }),
  );
}

/** Results of the graphs. */
interface Answer {
  readonly problem: ParityProblem;
  readonly actual: readonly Float32Array[];
}

function hostOf(layout: ExportLayout, { device }: GraphPlan): GraphHost {
  if (layout === "transformers.js") return runTransformers;
  return device.shapes === "static" ? runStatic : runNative;
}

function graphSets({ config }: Checkpoint, { graphs, prompt }: GraphPlan): readonly GraphSet[] {
  const dynamicSizes = prompt === undefined ? paritySizes(config) : pixelParitySizes(config, prompt);
  return graphs
    .filter(({ role }) => role === "decoder")
    .map((decoder) => ({
      decoder,
      vision: graphs.find(({ role }) => role === "vision"),
      encoder: graphs.find(({ role, sizes }) => role === "encoder" && sizes === decoder.sizes),
      chunk: graphs.find(({ role, sizes }) => role === "chunk" && sizes === decoder.sizes),
      sizes: decoder.sizes === undefined ? dynamicSizes : staticParitySizes(decoder.sizes, config),
    }));
}

const inputsOf = (
  { config }: HostSetting,
  { plan: { prompt }, shortlist }: MeasureParityOptions,
  sizes: CaseSizes,
): CaseInputs =>
  prompt === undefined ? parityInputs(config, sizes, shortlist) : pixelParityInputs(config, sizes, prompt);

async function runSet(
  { vision, encoder, chunk, decoder, sizes }: GraphSet,
  options: MeasureParityOptions & { readonly setting: HostSetting },
): Promise<readonly Answer[]> {
  const { runtime, directory, setting, layout, plan, progress, signal } = options;
  const host = hostOf(layout, plan);
  const loaded: Session[] = [];
  const open = async ({ file }: PlannedGraph): Promise<Session> => {
    const session = await runtime.load({ kind: "file", path: join(directory, file) }, { name: file });
    loaded.push(session);
    return session;
  };
  try {
    const sessions = {
      decoder: await open(decoder),
      encoder: encoder === undefined ? undefined : await open(encoder),
      chunk: chunk === undefined ? undefined : await open(chunk),
      vision: vision === undefined ? undefined : await open(vision),
    };
    const answers: Answer[] = [];
    for (const size of sizes) {
      if (signal !== undefined) throwIfInterrupted(signal, "export");
      progress({ stage: "export", message: `running ${decoder.file}` });
      const problem = { sizes: size, inputs: inputsOf(setting, options, size) };
      answers.push({ problem, actual: await host(setting, sessions, problem) });
    }
    return answers;
  } finally {
    for (const session of loaded) await session.release();
  }
}
