/**
 * Rules about the QDQ form: a compiler computes an operator in integers if every input comes from DequantizeLinear and every output goes to
 * one QuantizeLinear. Source: CheckQDQNodes in ONNX Runtime's qdq_selectors.cc.
 */
import { shorten, type OnnxDType } from "@slm/onnx";
import { operatorName, type Findings } from "./finding.js";
import type { QuantizationRules } from "../profiles/profile.js";
import type { PlacedNode } from "./subject.js";
import {
  dequantizerOf,
  floatInputs,
  floatOutputs,
  hasQuantization,
  isDequantize,
  isQuantize,
  onlyQuantizerOf,
  parametersOf,
} from "./quantized-graph.js";
import { aboutModel, type Rule } from "./rule.js";

const QUANTIZE = "quantize it in the QDQ form: slm quantize EXPORT --scheme a16w8 --calibration ROWS.jsonl";

export const form: Rule = (subject, findings) => {
  const rules = subject.profile.quantization;
  if (rules === undefined) return;
  if (!hasQuantization(subject)) {
    const message = `the model is not quantized: ${rules.float}`;
    findings.add(aboutModel("qdq-form", { severity: "info", message, advice: QUANTIZE }));
    return;
  }
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    if (node.domain !== "" || !rules.wrapped.has(node.opType)) continue;
    const bare = floatInputs(placed).filter(({ value }) => dequantizerOf(value, scope) === undefined);
    const loose = floatOutputs(placed).filter((value) => onlyQuantizerOf(value, scope) === undefined);
    if (bare.length === 0 && loose.length === 0) continue;
    const parts = [
      ...bare.map(({ index }) => `input ${index} does not come from DequantizeLinear`),
      ...loose.map((value) => `output '${shorten(value)}' ${whyLoose(value, placed)}`),
    ];
    const message = `${operatorName(node)} is not computed in integers (${parts.join("; ")}): ${rules.float}`;
    const advice = "put DequantizeLinear before each input and one QuantizeLinear after each output";
    findings.about("qdq-form", placed, { severity: "warning", message, advice });
  }
};

function whyLoose(value: string, { scope }: PlacedNode): string {
  if (scope.index.isOutput(value)) return "is an output of the model";
  const uses = scope.index.usesOf(value).length;
  return uses === 1 ? "does not go to QuantizeLinear" : `goes to ${uses} nodes instead of one QuantizeLinear`;
}

/** Types that ONNX's Q and DQ support only from opset 21 on. */
const NEWER_TYPES: ReadonlySet<OnnxDType> = new Set(["int16", "uint16", "int4", "uint4"]);

/** Smallest and largest number of a quantized type. */
export const RANGE: Readonly<Partial<Record<OnnxDType, readonly [number, number]>>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
};

function isPowerOfTwo(scale: number): boolean {
  return Number.isInteger(Math.log2(scale));
}

/** Rule about scales, zero points and the types of quantized activations. */
export const parameters: Rule = (subject, findings) => {
  const rules = subject.profile.quantization;
  if (rules === undefined) return;
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    if (!isQuantize(node) && !isDequantize(node)) continue;
    const { scales, zeroPoints, dtype } = parametersOf(node, scope);
    const add = (severity: "error" | "warning", message: string, advice: string): void => {
      findings.about("qdq-parameters", placed, { severity, message, advice });
    };
    if (
      !scope.isKnown(node.inputs[1] ?? "") ||
      ((node.inputs[2] ?? "") !== "" && !scope.isKnown(node.inputs[2] ?? ""))
    )
      add("error", "scale and zero point must be constants", "calibrate the model: static quantization");
    if (scales?.some((scale) => !(scale > 0) || !Number.isFinite(scale)) === true)
      add("error", "a scale is not a positive number", "calibrate the model again");
    const isWeight = isDequantize(node) && scope.isKnown(node.inputs[0] ?? "");
    const allowed: readonly OnnxDType[] = isWeight ? [...rules.weights, "int32"] : rules.activations;
    if (dtype !== undefined && !allowed.includes(dtype)) {
      const what = isWeight ? "weights" : "activations";
      add(
        "error",
        `quantized ${what} are ${dtype}; ${subject.profile.label} supports ${allowed.join(", ")}`,
        `use ${allowed[0]!}`,
      );
    }
    const isCast = scope.index.producerOf(node.inputs[0] ?? "")?.node.opType === "Cast";
    if (isDequantize(node) && isCast && !rules.castCodes)
      add("error", "it reads the output of a Cast", "use QuantizeLinear instead of the Cast");
    const isOld = node.domain === "" && (subject.model.opsets[""] ?? 0) < 21;
    if (dtype !== undefined && NEWER_TYPES.has(dtype) && isOld)
      add(
        "error",
        `${node.opType} of ${dtype} needs opset 21`,
        "convert the model to opset 21, or use the com.microsoft operator",
      );
    if (rules.powerOfTwo && !isWeightBias(dtype)) checkPowersOfTwo({ scales, zeroPoints, dtype }, add);
  }
  for (const placed of subject.nodes) {
    checkShared(rules, placed, findings);
    checkFixed(rules, placed, findings);
  }
};

const isWeightBias = (dtype: OnnxDType | undefined): boolean => dtype === "int32";

function checkPowersOfTwo(
  { scales, zeroPoints, dtype }: Pick<ReturnType<typeof parametersOf>, "scales" | "zeroPoints" | "dtype">,
  add: (severity: "warning", message: string, advice: string) => void,
): void {
  const [low, high] = RANGE[dtype ?? "float32"] ?? [0, 0];
  const middle = Math.ceil((low + high) / 2);
  const isOff = scales?.some((scale) => !isPowerOfTwo(scale)) === true;
  if (isOff || zeroPoints?.some((zero) => zero !== middle) === true)
    add(
      "warning",
      "the scale is not a power of two (XINT8), or the zero point is not in the middle of the range (XINT8 and A8W8)",
      "calibrate with power-of-two scales (XINT8)",
    );
}

/** Scales that differ by less are considered equal. Source: QNN's base_op_builder, SetOutputQParamEqualToInputIfNearlyEqual. */
const SAME = 1e-9;

function areSame(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  if (a === undefined || b === undefined) return true; // Not constant: another rule reports it.
  return a.length === b.length && a.every((value, index) => Math.abs(value - b[index]!) <= SAME);
}

function checkShared(rules: QuantizationRules, placed: PlacedNode, findings: Findings): void {
  const { node, scope } = placed;
  if (node.domain !== "" || !rules.sameParameters.has(node.opType)) return;
  const output = onlyQuantizerOf(node.outputs[0] ?? "", scope);
  if (output === undefined) return;
  const inputs = node.opType === "Concat" ? node.inputs : node.inputs.slice(0, 1);
  const wanted = parametersOf(output, scope);
  const differs = inputs.some((value) => {
    const dequantizer = dequantizerOf(value, scope);
    if (dequantizer === undefined) return false;
    const given = parametersOf(dequantizer, scope);
    return !areSame(given.scales, wanted.scales) || !areSame(given.zeroPoints, wanted.zeroPoints);
  });
  if (!differs) return;
  const message = `${node.opType} only moves elements, but its input and output have different scales or zero points`;
  const advice = "use the same scale and zero point for all of them";
  findings.about("qdq-parameters", placed, { severity: "warning", message, advice });
}

function checkFixed(rules: QuantizationRules, placed: PlacedNode, findings: Findings): void {
  const { node, scope } = placed;
  const rows = Object.hasOwn(rules.fixedOutputs, node.opType) ? rules.fixedOutputs[node.opType] : undefined;
  const quantizer = onlyQuantizerOf(node.outputs[0] ?? "", scope);
  if (node.domain !== "" || rows === undefined || quantizer === undefined) return;
  const { dtype, scales, zeroPoints } = parametersOf(quantizer, scope);
  const wanted = dtype === undefined ? undefined : rows[dtype];
  if (wanted === undefined || scales === undefined || zeroPoints === undefined) return;
  const [scale = 0, zero = 0] = [scales[0], zeroPoints[0]];
  if (Math.abs(scale / wanted.scale - 1) < 1e-6 && zero === wanted.zeroPoint) return;
  const message = `${dtype ?? ""} output of ${node.opType} has scale ${scale} and zero point ${zero}, but the compiler uses ${wanted.scale} and ${wanted.zeroPoint}`;
  findings.about("qdq-parameters", placed, {
    severity: "warning",
    message,
    advice: "set them to these values",
  });
}
