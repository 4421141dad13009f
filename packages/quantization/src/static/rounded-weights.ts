/**
 * Rounds 4-bit weights of static schemes, with searched scales and error feedback. onnxruntime's tool would use the range of an output and
 * plain rounding. NPUs need one scale per output and zero point zero, so a whole output is one block for the block formats' inner loop.
 */
import { SlmError } from "@slm/core";
import type { BlockMethod } from "@slm/devices";
import type { Graph } from "@slm/onnx";
import { findWeightUses, type LinearUse } from "../rewrite/weight-uses.js";
import { blockMethods } from "../weights/block-method.js";
import { float32sOf } from "../weights/float-bytes.js";
import { feedbackFactor } from "../weights/kernels/feedback-factor.js";
import { quantizeOutputs, type OutputsJob } from "../weights/kernels/quantize-outputs.js";
import type { Gram, RunOutputs } from "../weights/quantize-blocks.js";
import { checkMatrix, stridesOf, type WeightMatrix } from "../weights/weight-matrix.js";
import type { QuantizationParameters } from "./integer-types.js";
import { headsOfTables } from "./own-heads.js";
import { planGraph, type GraphPlanOptions } from "./plan-graph.js";
import type { TensorPlan } from "./tensor-plan.js";

/** A weight that is already on its grid, so that rounding to the nearest code does not change it. */
export interface RoundedWeight {
  readonly values: Float32Array;
  /** One per output. */
  readonly parameters: readonly QuantizationParameters[];
}

export interface RoundingOptions {
  readonly method: BlockMethod;
  /** Gram matrices of the weights' activations, for `gptq`. */
  readonly grams?: ReadonlyMap<string, Gram> | undefined;
  /** Runs the inner loop, possibly in several threads. Default: in this thread. */
  readonly run?: RunOutputs | undefined;
}

/** Outputs with only smaller weights keep the tool's range, which has a minimum width for devices. */
const LEAST_PEAK = 1e-4;

/** Code of weight zero. */
const MIDDLE = 8;

/** Embedding tables and the output heads tied to them. They need more than 4 bits, see `tableFormat`. */
export function tableNames(graph: Graph): ReadonlySet<string> {
  const { uses } = findWeightUses(graph);
  const tables = new Set(uses.flatMap(({ kind, weight }) => (kind === "embedding" ? [weight] : [])));
  return new Set([...tables, ...headsOfTables(graph, tables)]);
}

/** Weights of products with one scale per output. */
function roundable(graph: Graph, { tensors }: TensorPlan): readonly LinearUse[] {
  const layouts = new Map<string, LinearUse>();
  const tables = tableNames(graph);
  for (const use of findWeightUses(graph).uses) {
    if (tables.has(use.weight)) continue;
    const planned = tensors.get(use.weight);
    const axis = use.layout === "inputs-first" ? 1 : 0;
    if (use.kind !== "linear" || planned?.kind !== "weight" || planned.axis !== axis) continue;
    layouts.set(use.weight, use);
  }
  return [...layouts.values()];
}

/**
 * Rounds the product weights of a graph that a static scheme would store in 4 bits. The scheme rounds weights of other operators.
 *
 * @throws SlmError CONFIG_INVALID for `gptq` without `grams`; DATA_INVALID for weights
 * that are not finite
 */
export async function roundWeights(
  graph: Graph,
  options: GraphPlanOptions,
  { method, grams, run = here }: RoundingOptions,
): Promise<ReadonlyMap<string, RoundedWeight>> {
  const found = new Map<string, RoundedWeight>();
  // The scheme itself rounds to nearest.
  if (method === "rtn") return found;
  for (const { weight, layout } of roundable(graph, planGraph(graph, options))) {
    const initializer = graph.initializers.get(weight)!;
    const [rows, columns] = initializer.shape as readonly [number, number];
    const [inputs, outputs] = layout === "inputs-first" ? [rows, columns] : [columns, rows];
    const matrix = { name: weight, values: float32sOf(initializer), inputs, outputs, layout };
    checkMatrix(matrix);
    found.set(weight, await roundMatrix(matrix, blockMethods[method].needsCalibration, grams, run));
  }
  return found;
}

const here: RunOutputs = (job, outputs) => {
  quantizeOutputs(job, 0, outputs);
};

async function roundMatrix(
  { name = "", values, inputs, outputs, layout }: WeightMatrix,
  hasFeedback: boolean,
  grams: ReadonlyMap<string, Gram> | undefined,
  run: RunOutputs,
): Promise<RoundedWeight> {
  const strides = stridesOf(layout, inputs, outputs);
  const gram = hasFeedback ? grams?.get(name) : undefined;
  if (hasFeedback && gram === undefined) {
    throw new SlmError("CONFIG_INVALID", `quantize: method gptq needs the activations of '${name}'`);
  }
  // Two codes per byte; an odd last one is padded.
  const blockSize = inputs + (inputs & 1);
  const job: OutputsJob = {
    values,
    inputs,
    blockSize,
    bits: 4,
    symmetric: true,
    method: "positive",
    inputStride: strides.input,
    outputStride: strides.output,
    codes: new Uint8Array((outputs * blockSize) / 2),
    scales: new Float32Array(outputs),
    squares: new Float64Array(outputs),
    distances: new Float64Array(outputs),
    feedback: gram && feedbackFactor(gram.values, inputs),
    importance: gram && squaresOf(gram),
  };
  await run(job, outputs);
  return onGrid(job, outputs);
}

/** Dequantized weights, in the layout of the originals. */
function onGrid(job: OutputsJob, outputs: number): RoundedWeight {
  const { values, inputs, inputStride, outputStride, blockSize, codes, scales } = job;
  const rounded = values.slice();
  const parameters = Array.from(scales, (scale) => ({ scale, zero: 0 }));
  for (let output = 0; output < outputs; output += 1) {
    const start = output * outputStride;
    let peak = 0;
    for (let input = 0; input < inputs; input += 1) {
      peak = Math.max(peak, Math.abs(values[start + input * inputStride]!));
    }
    if (peak < LEAST_PEAK) {
      // 15 steps over the minimum width.
      parameters[output] = { scale: Math.fround((2 * LEAST_PEAK) / 15), zero: 0 };
      continue;
    }
    for (let input = 0; input < inputs; input += 1) {
      const at = output * blockSize + input;
      const code = (codes[at >> 1]! >> ((at & 1) << 2)) & 0xf;
      rounded[start + input * inputStride] = (code - MIDDLE) * scales[output]!;
    }
  }
  return { values: rounded, parameters };
}

/** Added to each sum of squares, as a share of their mean, because calibration data may not use every input. */
const DAMPING = 0.01;

/** Sums of squares by input. */
function squaresOf({ size, values }: Gram): Float64Array {
  const squares = Float64Array.from({ length: size }, (_, at) => values[at * size + at]!);
  const mean = squares.reduce((sum, square) => sum + square, 0) / size;
  return squares.map((square) => square + DAMPING * mean);
}
