/**
 * Rules for each operator: which inputs and outputs are quantized, and which values share parameters. Source: onnxruntime,
 * python/tools/quantization/registry.py and operators/*.py (the classes named QDQ*).
 */
import { attributeOf, readIntegers, type GraphNode } from "@slm/onnx";
import type { OperatorRule, TensorPlan } from "./tensor-plan.js";

const everything: OperatorRule = ({ inputs, outputs }, _index, plan) => {
  for (const name of [...inputs, ...outputs]) plan.activation(name);
};

/** Operators that move numbers without changing them. */
const moving: OperatorRule = ({ inputs, outputs }, _index, plan) => {
  if (plan.options.force) plan.activation(inputs[0]);
  if (plan.isQuantized(inputs[0])) plan.like(outputs[0]!, inputs[0]!);
};

const movingFrom =
  (opset: number): OperatorRule =>
  (node, index, plan) => {
    if (plan.opset >= opset) moving(node, index, plan);
  };

const gather: OperatorRule = (node, index, plan) => {
  if (plan.isWeight(node.inputs[0])) plan.activation(node.inputs[0]);
  moving(node, index, plan);
};

const split: OperatorRule = ({ inputs, outputs }, _index, plan) => {
  plan.activation(inputs[0]);
  for (const output of outputs) plan.like(output, inputs[0]!);
};

/** A product with a weight: input, output, weight and bias. */
const weighted =
  (axis: (node: GraphNode) => number, beta: (node: GraphNode) => number = () => 1): OperatorRule =>
  (node, index, plan) => {
    plan.activation(node.inputs[0]);
    plan.activation(node.outputs[0]);
    plan.weight(node.inputs[1], axis(node));
    plan.bias(index, node.inputs, beta(node));
  };

const isTransposed = (node: GraphNode): boolean => attributeOf(node, "transB", "int") === 1;

/** An initializer on either side is a weight. */
const product =
  (axis: (node: GraphNode) => number): OperatorRule =>
  (node, _index, plan) => {
    for (const input of node.inputs) plan.weight(input, axis(node));
    plan.activation(node.outputs[0]);
  };

/** Relu and Clip are removed if the output's range and zero point already clip. */
const clipping: OperatorRule = ({ inputs, outputs }, index, plan) => {
  const [input] = inputs;
  if (!plan.isQuantized(input)) return;
  // A value that a body reads must be clipped before.
  if (plan.isPrivate(input!) && !plan.isCaptured(outputs[0]!)) plan.bypass(index, input!, outputs[0]!);
  else plan.activation(input);
  plan.activation(outputs[0]);
};

const where: OperatorRule = ({ inputs, outputs }, _index, plan) => {
  if (plan.options.force)
    inputs.slice(1).forEach((name) => {
      plan.activation(name);
    });
  if (plan.isQuantized(inputs[1]) && plan.isQuantized(inputs[2])) plan.activation(outputs[0]);
};

/** Normalizations are computed in float32. */
const unchanged: OperatorRule = () => undefined;

const pad: OperatorRule = (node, _index, plan) => {
  for (const name of node.inputs) plan.activation(name);
  if (padsWithZeroOrItself(node, plan)) plan.like(node.outputs[0]!, node.inputs[0]!);
  else plan.activation(node.outputs[0]);
};

function padsWithZeroOrItself(node: GraphNode, plan: TensorPlan): boolean {
  if ((attributeOf(node, "mode", "string") ?? "constant") !== "constant") return true;
  if (plan.opset < 11) return (attributeOf(node, "value", "float") ?? 0) === 0;
  const name = node.inputs[2] ?? "";
  if (name === "") return true;
  const value = plan.graph.initializers.get(name);
  if (value === undefined) return false;
  return (readIntegers(value) ?? [...value.data]).every((part) => part === 0);
}

/** The operators that onnxruntime's tool quantizes by default. */
const OPERATOR_RULES: Readonly<Record<string, OperatorRule>> = {
  ...Object.fromEntries(
    [
      "Add",
      "Mul",
      "LeakyRelu",
      "Sigmoid",
      "GlobalAveragePool",
      "Concat",
      "Softmax",
      "ArgMax",
      "EmbedLayerNormalization",
      "CumSum",
    ].map((name) => [name, everything]),
  ),
  ...Object.fromEntries(
    ["Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "AveragePool", "Slice", "TopK"].map(
      (name) => [name, moving],
    ),
  ),
  Resize: movingFrom(11),
  MaxPool: movingFrom(12),
  Gather: gather,
  GatherElements: gather,
  Split: split,
  Where: where,
  Pad: pad,
  Relu: clipping,
  Clip: clipping,
  Conv: weighted(() => 0),
  ConvTranspose: weighted(() => 1),
  Gemm: weighted(
    (node) => (isTransposed(node) ? 0 : 1),
    (node) => attributeOf(node, "beta", "float") ?? 1,
  ),
  MatMul: product(() => 1),
  LayerNormalization: unchanged,
  InstanceNormalization: unchanged,
  BatchNormalization: unchanged,
};

/** More operators of exported models, which onnxruntime's tool does not quantize. */
const MORE_RULES: Readonly<Record<string, OperatorRule>> = {
  FusedMatMul: product((node) => (isTransposed(node) ? 0 : 1)),
};

/** Normalization operators that are newer than the tool's table. */
const NORMALIZATIONS: Readonly<Record<string, OperatorRule>> = {
  RMSNormalization: unchanged,
  SimplifiedLayerNormalization: unchanged,
};

/** Never quantized, because they change types or are already quantized. */
const SKIPPED: ReadonlySet<string> = new Set(["Cast", "QuantizeLinear", "DequantizeLinear"]);

/**
 * Which operators are quantized. `tool`: as in onnxruntime's `quantize_static`. `standard`: also products with transposed weights. `all`:
 * every operator, for devices without float32.
 */
export type Coverage = "tool" | "standard" | "all";

/** The rule of an operator, or undefined if it is not quantized. */
export function ruleOf({ opType }: GraphNode, coverage: Coverage): OperatorRule | undefined {
  const lookIn = (table: Readonly<Record<string, OperatorRule>>): OperatorRule | undefined =>
    Object.hasOwn(table, opType) ? table[opType] : undefined;
  const known = lookIn(OPERATOR_RULES);
  if (known !== undefined || coverage === "tool") return known;
  const more = lookIn(MORE_RULES);
  if (more !== undefined || coverage === "standard") return more;
  return lookIn(NORMALIZATIONS) ?? (SKIPPED.has(opType) ? undefined : everything);
}
