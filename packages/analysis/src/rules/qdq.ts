/**
 * Rules about the QDQ form: a compiler computes an operator in integers if every input comes from DequantizeLinear and every output goes to
 * one QuantizeLinear. Source: CheckQDQNodes in ONNX Runtime's qdq_selectors.cc.
 */
import { shorten, type OnnxDType } from "@slm/onnx";
import { operatorName, type Findings } from "../graph/finding.js";
import type { QuantizationRules } from "../profiles/profile.js";
import type { PlacedNode } from "../graph/scope.js";
import type { Subject } from "./subject.js";
import {
  dequantizerOf,
  floatInputs,
  floatOutputs,
  hasQuantization,
  isDequantize,
  isQuantize,
  onlyQuantizerOf,
  parametersOf,
  partsOfUnit,
} from "../graph/quantized-graph.js";
import { aboutModel, rejection, type Rule } from "./rule.js";

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

/** A QuantizeLinear or DequantizeLinear. */
interface Quantizer extends Pick<ReturnType<typeof parametersOf>, "scales" | "dtype"> {
  readonly placed: PlacedNode;
  readonly rules: QuantizationRules;
  readonly subject: Subject;
}

interface Problem {
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly advice: string;
}

const notConstant = ({ placed: { node, scope } }: Quantizer): Problem | undefined => {
  const [, scale = "", zeroPoint = ""] = node.inputs;
  if (scope.isKnown(scale) && (zeroPoint === "" || scope.isKnown(zeroPoint))) return undefined;
  return {
    severity: "error",
    message: "scale and zero point must be constants",
    advice: "calibrate the model: static quantization",
  };
};

const invalidScale = ({ scales }: Quantizer): Problem | undefined =>
  scales?.some((scale) => !(scale > 0) || !Number.isFinite(scale)) === true
    ? { severity: "error", message: "a scale is not a positive number", advice: "calibrate the model again" }
    : undefined;

const unsupportedType = ({ placed, dtype, rules, subject }: Quantizer): Problem | undefined => {
  const { node, scope } = placed;
  const isWeight = isDequantize(node) && scope.isKnown(node.inputs[0] ?? "");
  const allowed: readonly OnnxDType[] = isWeight ? [...rules.weights, "int32"] : rules.activations;
  if (dtype === undefined || allowed.includes(dtype)) return undefined;
  const what = isWeight ? "weights" : "activations";
  return {
    severity: "error",
    message: `quantized ${what} are ${dtype}; ${subject.profile.label} supports ${allowed.join(", ")}`,
    advice: `use ${allowed[0]!}`,
  };
};

const castCodes = ({ placed: { node, scope }, rules }: Quantizer): Problem | undefined => {
  const isCast = scope.index.producerOf(node.inputs[0] ?? "")?.node.opType === "Cast";
  if (rules.castCodes || !isDequantize(node) || !isCast) return undefined;
  return {
    severity: "error",
    message: "it reads the output of a Cast",
    advice: "use QuantizeLinear instead of the Cast",
  };
};

const oldOpset = ({ placed: { node }, dtype, subject }: Quantizer): Problem | undefined => {
  const isOld = node.domain === "" && (subject.model.opsets[""] ?? 0) < 21;
  if (!isOld || dtype === undefined || !NEWER_TYPES.has(dtype)) return undefined;
  return {
    severity: "error",
    message: `${node.opType} of ${dtype} needs opset 21`,
    advice: "convert the model to opset 21, or use the com.microsoft operator",
  };
};

const QUANTIZER_CHECKS = [notConstant, invalidScale, unsupportedType, castCodes, oldOpset];

/** Rule about scales, zero points and the types of quantized activations. */
export const parameters: Rule = (subject, findings) => {
  const rules = subject.profile.quantization;
  if (rules === undefined) return;
  for (const placed of subject.nodes) {
    if (!isQuantize(placed.node) && !isDequantize(placed.node)) continue;
    const quantizer = { ...parametersOf(placed.node, placed.scope), placed, rules, subject };
    for (const check of QUANTIZER_CHECKS) {
      const found = check(quantizer);
      if (found !== undefined) findings.about("qdq-parameters", placed, found);
    }
  }
  for (const placed of subject.nodes) {
    checkShared(rules, placed, findings);
    checkFixed(rules, placed, findings);
  }
};

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

/** Rule about quantized operators that compute a scalar from scalars. */
export const scalars: Rule = (subject, findings) => {
  if (subject.profile.quantization?.scalars !== false) return;
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const values = [...node.inputs, ...node.outputs].filter((value) => value !== "");
    const isScalar = values.every((value) => scope.of(value).shape?.length === 0);
    if (!isScalar || partsOfUnit(subject.profile, placed).length === 0) continue;
    const message = `${operatorName(node)} of scalars is quantized; ${subject.profile.label} supports this only from 1 axis on`;
    findings.about("rank", placed, rejection(subject, placed, message, "keep it in float"));
  }
};
