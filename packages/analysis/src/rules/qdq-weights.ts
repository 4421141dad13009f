/** Rules about quantized weights and biases. */
import { attributeOf, type GraphNode } from "@slm/onnx";
import { operatorName, type Findings } from "../graph/finding.js";
import type { QuantizationRules, WeightInput } from "../profiles/profile.js";
import type { Shape } from "../shapes/facts.js";
import type { PlacedNode } from "../graph/scope.js";
import type { Subject } from "./subject.js";
import {
  dequantizerOf,
  isDequantize,
  isQuantize,
  parametersOf,
  type Parameters,
} from "../graph/quantized-graph.js";
import { type Rule } from "./rule.js";
import { shapeText } from "../shapes/facts.js";

function allowedAxis(node: GraphNode, { axis }: WeightInput): number {
  if (axis !== "columns") return axis;
  return attributeOf(node, "transB", "int") === 1 ? 0 : 1;
}

/** Whether a use of a value is the weight of its operator. */
function isWeightUse(rules: QuantizationRules, node: GraphNode, input: number | undefined): boolean {
  return node.domain === "" && input !== undefined && rules.weightInputs[node.opType]?.index === input;
}

export const weights: Rule = (subject, findings) => {
  const rules = subject.profile.quantization;
  if (rules === undefined) return;
  for (const placed of subject.nodes) {
    const { node } = placed;
    if (isQuantize(node) || isDequantize(node)) checkAlone(subject, rules, placed, findings);
    const row = node.domain === "" ? rules.weightInputs[node.opType] : undefined;
    if (row !== undefined) checkWeight(subject, placed, row, findings);
  }
};

/** Only weights can have scales per channel or block. */
function checkAlone(
  subject: Subject,
  rules: QuantizationRules,
  placed: PlacedNode,
  findings: Findings,
): void {
  const { node, scope } = placed;
  const { isPerChannel, block, dtype } = parametersOf(node, scope);
  const uses = scope.index.usesOf(node.outputs[0] ?? "");
  const isOfWeight =
    isDequantize(node) &&
    uses.length > 0 &&
    (dtype === "int32" || uses.every((use) => isWeightUse(rules, use.node, use.input)));
  if (isPerChannel && !isOfWeight) {
    const message = `one scale per channel is supported only for weights of ${Object.keys(rules.weightInputs).join(", ")}`;
    const advice = "use one scale for the whole tensor";
    findings.about("qdq-weight", placed, { severity: "error", message, advice });
  }
  if (block === 0 || rules.blocks) return;
  const message = `${subject.profile.label} does not support scales per block of ${block}`;
  findings.about("qdq-weight", placed, { severity: "error", message, advice: "use one scale per channel" });
}

function checkWeight(subject: Subject, placed: PlacedNode, row: WeightInput, findings: Findings): void {
  const { node, scope } = placed;
  const value = node.inputs[row.index] ?? "";
  const dequantizer = dequantizerOf(value, scope);
  if (dequantizer === undefined) return;
  const found = parametersOf(dequantizer, scope);
  const add = (severity: "error" | "warning", message: string, advice: string): void => {
    findings.about("qdq-weight", placed, { severity, message, advice });
  };
  const { shape } = scope.of(value);
  const isConstant = scope.isKnown(dequantizer.inputs[0] ?? "");
  if (found.isPerChannel && found.block === 0) {
    const wanted = allowedAxis(node, row);
    const axis = found.axis < 0 ? found.axis + (shape?.length ?? 0) : found.axis;
    if (axis !== wanted)
      add(
        "error",
        `scales of its weight are along axis ${axis}, they must be along axis ${wanted}`,
        `quantize along axis ${wanted}`,
      );
    if (node.opType === "MatMul" && shape !== undefined && shape.length !== 2)
      add(
        "error",
        `one scale per channel needs a weight with 2 axes, got ${shapeText(shape)}`,
        "use one scale",
      );
  }
  const isInt4 = found.dtype === "int4" || found.dtype === "uint4";
  if (isInt4 && found.zeroPoints?.some((zero) => zero !== 0) === true)
    add("error", "4-bit weights must be symmetric, with zero point 0", "quantize to int4, symmetric");
  if (isInt4 && !isConstant) add("error", "only weights can have 4 bits", "use 8 or 16 bits");
  checkBothWide(subject, placed, { isConstant, found }, add);
}

/** Two 16-bit activations: the second is converted to 8 bits. Source: QNN's matmul_op_builder.cc. */
function checkBothWide(
  { profile }: Subject,
  { node, scope }: PlacedNode,
  { isConstant, found }: { readonly isConstant: boolean; readonly found: Parameters },
  add: (severity: "warning", message: string, advice: string) => void,
): void {
  const left = dequantizerOf(node.inputs[0] ?? "", scope);
  const isWide = (parameters: Parameters): boolean =>
    parameters.dtype === "uint16" || parameters.dtype === "int16";
  if (profile.name !== "qnn" || node.opType !== "MatMul" || isConstant || left === undefined) return;
  if (isWide(parametersOf(left, scope)) && isWide(found))
    add(
      "warning",
      "both operands have 16 bits; the provider reduces the second to 8",
      "quantize the second to uint8",
    );
}

/** Relative tolerance between a bias scale and the product, which calibration tools round to float32. */
const BIAS_TOLERANCE = 1e-4;

export const biases: Rule = (subject, findings) => {
  const rules = subject.profile.quantization;
  if (rules === undefined) return;
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const index = node.domain === "" ? rules.biasInputs[node.opType] : undefined;
    const bias = index === undefined ? undefined : dequantizerOf(node.inputs[index] ?? "", scope);
    const [x, w] = [0, 1].map((input) => dequantizerOf(node.inputs[input] ?? "", scope));
    if (bias === undefined || x === undefined || w === undefined) continue;
    if (!scope.isKnown(bias.inputs[0] ?? "")) continue; // A computed bias is an activation.
    const found = parametersOf(bias, scope);
    const add = (message: string, advice: string): void => {
      findings.about("qdq-bias", placed, { severity: "error", message, advice });
    };
    if (found.dtype !== undefined && found.dtype !== "int32")
      add(`bias of ${operatorName(node)} is ${found.dtype}, but must be int32`, "quantize biases to int32");
    else if (rules.vectorBias?.has(node.opType) === true && !isVector(scope.of(bias.inputs[0] ?? "").shape))
      add(`bias of ${operatorName(node)} must be a vector`, "add it with a separate Add");
    else if (found.zeroPoints?.some((zero) => zero !== 0) === true)
      add("the zero point of the bias must be 0", "quantize biases symmetrically");
    else if (!isProduct(found.scales, parametersOf(x, scope).scales, parametersOf(w, scope).scales))
      add(
        "the scale of the bias must be the scale of the input times the scale of the weight",
        "quantize the bias again",
      );
  }
};

/** Whether a shape has one size, after leading ones. */
function isVector(shape: Shape | undefined): boolean {
  return shape === undefined || (shape.length > 0 && shape.slice(0, -1).every((size) => size === 1));
}

function isProduct(
  bias: readonly number[] | undefined,
  x: readonly number[] | undefined,
  w: readonly number[] | undefined,
): boolean {
  const scale = x?.[0];
  if (bias === undefined || scale === undefined || w === undefined) return true; // Not constant: another rule reports it.
  if (bias.length !== 1 && w.length !== 1 && bias.length !== w.length) return false;
  const length = Math.max(bias.length, w.length);
  return Array.from({ length }, (_, index) => {
    const product = scale * w[w.length === 1 ? 0 : index]!;
    return Math.abs(bias[bias.length === 1 ? 0 : index]! / product - 1) <= BIAS_TOLERANCE;
  }).every(Boolean);
}
