/** Static quantization of a graph: plan, calibrate on real data, write. */
import { throwIfInterrupted, SlmError } from "@slm/core";
import { subgraphsOf, type Graph, type GraphNode } from "@slm/onnx";
import { collectRanges, type ValueRange } from "../calibration/collect.js";
import type { CollectOptions } from "../calibration/collector.js";
import { rejectQuantized } from "../rewrite/reject-quantized.js";
import { boundMasks, findMaskedScores } from "./attention-scores.js";
import { assembleQdq } from "./assemble-qdq.js";
import type { IntegerType, QuantizationParameters } from "./integer-types.js";
import { tensorParameters, type TensorParameters } from "./parameters.js";
import { coveredNodes, planGraph, type GraphPlanOptions } from "./plan-graph.js";
import type { RoundedWeight } from "./rounded-weights.js";
import type { TensorPlan } from "./tensor-plan.js";
import { float32sOf } from "../weights/float-bytes.js";
import { channelLayout, weightError } from "./weight-codes.js";

// Adjusts calibrated ranges to the operators around the values.

/**
 * The input of a Relu or Clip gets the range of the output if nothing else reads it, because codes outside would be clipped anyway. Softmax
 * always has the range from 0 to 1.
 */
function adjustRanges(
  nodes: readonly GraphNode[],
  isPrivate: (value: string) => boolean,
  seen: ReadonlyMap<string, ValueRange>,
): Map<string, ValueRange> {
  const ranges = new Map(seen);
  for (const { opType, inputs, outputs } of nodes) {
    const output = outputs[0]!;
    if (opType === "Softmax") ranges.set(output, { low: 0, high: 1 });
    if (opType !== "Relu" && opType !== "Clip") continue;
    const range = ranges.get(output);
    if (range !== undefined && ranges.has(inputs[0]!) && isPrivate(inputs[0]!)) ranges.set(inputs[0]!, range);
  }
  return ranges;
}

/** Gives the inputs and the output of a Concat one range, so that a device only copies. Changes `ranges`. */
function uniteConcats(
  graph: Graph,
  sourceOf: (value: string) => string,
  ranges: Map<string, ValueRange>,
): void {
  const groups = new Map<string, Set<string>>();
  for (const { opType, inputs, outputs } of graph.nodes) {
    if (opType !== "Concat") continue;
    const members = new Set([...inputs, ...outputs].map(sourceOf).filter((value) => ranges.has(value)));
    for (const member of [...members]) for (const other of groups.get(member) ?? []) members.add(other);
    for (const member of members) groups.set(member, members);
  }
  for (const members of new Set(groups.values())) {
    const parts = [...members].map((member) => ranges.get(member)!);
    const united = {
      low: Math.min(...parts.map(({ low }) => low)),
      high: Math.max(...parts.map(({ high }) => high)),
    };
    for (const member of members) ranges.set(member, united);
  }
}

/**
 * Required parameters of 16-bit Sigmoid and Tanh on Qualcomm's processor. Source: onnxruntime,
 * python/tools/quantization/execution_providers/qnn/quant_config.py.
 */
const FIXED: Readonly<
  Record<string, Readonly<Partial<Record<IntegerType, QuantizationParameters>>> | undefined>
> = {
  Sigmoid: { uint16: { scale: 1 / 65536, zero: 0 }, int16: { scale: 1 / 32768, zero: 0 } },
  Tanh: { uint16: { scale: 1 / 32768, zero: 32768 }, int16: { scale: 1 / 32768, zero: 0 } },
};

/** Parameters that do not depend on data, by value. */
function fixedParameters(graph: Graph, type: IntegerType): ReadonlyMap<string, QuantizationParameters> {
  return new Map(
    graph.nodes.flatMap(({ opType, outputs }) => {
      const fixed = Object.hasOwn(FIXED, opType) ? FIXED[opType]?.[type] : undefined;
      return fixed === undefined ? [] : [[outputs[0]!, fixed] as const];
    }),
  );
}

export interface StaticOptions extends GraphPlanOptions {
  /** Types of weights by name. Default: `weights` for all. */
  readonly types?: ReadonlyMap<string, IntegerType>;
  /** Weights with separately chosen grids, by name. Default: the grids of onnxruntime's tool. */
  readonly rounded?: ReadonlyMap<string, RoundedWeight> | undefined;
  readonly activations: IntegerType;
  readonly weights: IntegerType;
  /** Weights with 7 bits, for x86 CPUs without VNNI. Default false. */
  readonly reduceRange?: boolean;
}

export interface CalibratedStaticOptions extends StaticOptions, CollectOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface StaticResult {
  readonly graph: Graph;
  /** Scale and zero point by value. */
  readonly parameters: ReadonlyMap<string, TensorParameters>;
  /** Nodes with a quantized input, by name. */
  readonly nodes: readonly string[];
  /** Weights with the nodes that read them and ||w - dequantized|| / ||w||. */
  readonly weights: readonly StaticWeight[];
}

interface StaticWeight {
  readonly name: string;
  readonly node: string;
  readonly type: IntegerType;
  readonly relativeError: number;
}

/** QuantizeLinear has an axis from this opset on. */
const LEAST_OPSET = 13;

/** Minimum width of a range, because devices divide by it. onnxruntime's tool uses this for Qualcomm. */
const LEAST_WIDTH = 1e-4;

/** The last opset whose QuantizeLinear runtimes support: onnxruntime 1.32 loads opset 28 but has no kernel for its QuantizeLinear. */
const LAST_OPSET = 27;

function checkOpset(graph: Graph): void {
  const opset = graph.opsets[""] ?? 0;
  if (opset > LAST_OPSET) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `quantize: static schemes need an opset up to ${LAST_OPSET}, ` +
        `because no runtime supports newer QuantizeLinear operators; graph '${graph.name}' has ${opset}`,
      { suggestions: [`export the model with an opset up to ${LAST_OPSET}`, "--scheme int8-dynamic"] },
    );
  }
  if (opset >= LEAST_OPSET) return;
  throw new SlmError(
    "OP_UNSUPPORTED",
    `quantize: static schemes need opset ${LEAST_OPSET} for one scale per output, graph '${graph.name}' has ${opset}`,
    { suggestions: [`export the model again with opset ${LEAST_OPSET} or later`, "--scheme int8-dynamic"] },
  );
}

/** All operators of a model can be in branches. */
function inBodies({ nodes }: Graph): string {
  const flow = nodes.find((node) => subgraphsOf(node).length > 0);
  return flow === undefined
    ? ""
    : `; those inside ${flow.opType} '${flow.name}' stay in float32 with a static scheme`;
}

/** Values whose ranges a plan needs: its activations, and the outputs of Relu and Clip. */
export function valuesToCalibrate(plan: TensorPlan): ReadonlySet<string> {
  const { graph, tensors, renamed } = plan;
  const values = new Set([...tensors.keys()].filter((name) => !graph.initializers.has(name)));
  for (const after of renamed.values()) values.add(after);
  return values;
}

/** Quantizes a graph with known ranges. */
export function quantizeWithRanges(
  plan: TensorPlan,
  seen: ReadonlyMap<string, ValueRange>,
  options: StaticOptions,
): StaticResult {
  const { graph } = plan;
  const covered = [...coveredNodes(graph, options)];
  const ranges = adjustRanges(covered, (value) => plan.isPrivate(value), seen);
  const isDevice = options.coverage === "all";
  if (isDevice) {
    boundMasks(findMaskedScores(graph), ranges);
    uniteConcats(graph, sourceIn(plan), ranges);
  }
  const parameters = tensorParameters(plan, ranges, {
    activations: options.activations,
    weights: options.weights,
    types: options.types,
    rounded: options.rounded,
    reduceRange: options.reduceRange,
    minimumWidth: isDevice ? LEAST_WIDTH : undefined,
    fixed: isDevice ? fixedParameters(graph, options.activations) : undefined,
  });
  const nodes = covered.filter(({ inputs }) => inputs.some((name) => plan.isQuantized(name)));
  return {
    graph: assembleQdq(plan, parameters, options.rounded),
    parameters,
    nodes: nodes.map(({ name }) => name),
    weights: weightsOf(plan, parameters, options.rounded),
  };
}

function weightsOf(
  { graph, tensors }: TensorPlan,
  parameters: ReadonlyMap<string, TensorParameters>,
  rounded: StaticOptions["rounded"],
): readonly StaticWeight[] {
  return graph.nodes.flatMap(({ name: node, inputs }) =>
    inputs.flatMap((name) => {
      const initializer = graph.initializers.get(name);
      if (initializer === undefined || !tensors.has(name)) return [];
      const { type, axis, parameters: own } = parameters.get(name)!;
      const layout = channelLayout(initializer.shape, axis);
      const values = float32sOf(initializer);
      const codesOf = rounded?.get(name)?.values ?? values;
      return [{ name, node, type, relativeError: weightError({ values, codesOf }, layout, type, own) }];
    }),
  );
}

/** The value whose parameters another value uses. */
const sourceIn =
  (plan: TensorPlan) =>
  (value: string): string => {
    let name = value;
    for (let planned = plan.tensors.get(name); planned?.kind === "like"; planned = plan.tensors.get(name)) {
      name = planned.value;
    }
    return name;
  };

/**
 * Quantizes activations and weights of a graph, with activation ranges from real data.
 *
 * The structure equals onnxruntime's `quantize_static` (QDQ). Below opset 21, ONNX's own QuantizeLinear does not support 16 and 4 bits;
 * the one of domain com.microsoft is used there, as in that tool.
 *
 * @throws SlmError OP_UNSUPPORTED for an opset below 13 or above 27; DATA_INVALID for a graph that is already quantized or has nothing to
 * quantize, or for data that are missing or not finite; INTERRUPTED
 */
export async function quantizeStatic(graph: Graph, options: CalibratedStaticOptions): Promise<StaticResult> {
  rejectQuantized(graph);
  checkOpset(graph);
  const plan = planGraph(graph, options);
  if (plan.tensors.size === 0) {
    throw new SlmError(
      "DATA_INVALID",
      `quantize: graph '${graph.name}' has no operator that can be quantized${inBodies(graph)}`,
      { suggestions: ["--scheme int8-dynamic, which also quantizes products in bodies"] },
    );
  }
  const { runtime, feeds, signal } = options;
  if (signal !== undefined) throwIfInterrupted(signal, "quantize");
  const ranges = await collectRanges(graph, valuesToCalibrate(plan), { runtime, feeds, signal });
  if (signal !== undefined) throwIfInterrupted(signal, "quantize");
  return quantizeWithRanges(plan, ranges, options);
}
