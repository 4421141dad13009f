/** Rules about the element types of an operator's data, in float and between Q and DQ. */
import type { GraphNode, OnnxDType } from "@slm/onnx";
import { operatorName, type Findings } from "./finding.js";
import type { OperatorSupport } from "../profiles/profile.js";
import { isControlFlow, type PlacedNode, type Subject } from "./subject.js";
import { middleOf } from "./qdq.js";
import {
  dequantizerOf,
  isQuantize,
  isRemovedDequantizer,
  parametersOf,
  partsOfUnit,
} from "./quantized-graph.js";
import { rejection, supportOf, type Rule } from "./rule.js";

/** The type of a node's data input, as opposed to indices, sizes and conditions. */
export function dataTypeOf(
  { node, scope }: PlacedNode,
  support: OperatorSupport | undefined,
): OnnxDType | undefined {
  return scope.of(node.inputs[support?.data ?? 0] ?? "").dtype;
}

/** Types of the activations that the Q and DQ of a unit convert to integers, without constants, which are weights. */
function activationTypes({ scope }: PlacedNode, parts: readonly GraphNode[]): readonly OnnxDType[] {
  const isActivation = (part: GraphNode): boolean => isQuantize(part) || !scope.isKnown(part.inputs[0] ?? "");
  const types = parts.filter(isActivation).map((part) => parametersOf(part, scope).dtype);
  return types.filter((dtype) => dtype !== undefined);
}

/** The integer type in which a unit computes; undefined if the node is not part of a unit. */
export function quantizedTypeOf(subject: Subject, placed: PlacedNode): OnnxDType | undefined {
  return activationTypes(placed, partsOfUnit(subject, placed))[0];
}

const ADVICE: Readonly<Partial<Record<OnnxDType, string>>> = {
  int64: "use int32",
  float64: "export the model in float32",
  int16: "quantize activations to uint16",
};

export const signatures: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const support = supportOf(subject, placed);
    if (support === undefined || isControlFlow(placed.node)) continue;
    const parts = partsOfUnit(subject, placed);
    if (parts.length > 0) checkQuantized(subject, { placed, support, parts }, findings);
    else {
      checkPlain(subject, { placed, support }, findings);
      checkWhole(subject, { placed, support }, findings);
      checkOpen(subject, { placed, support }, findings);
    }
    checkComputedWeight(subject, { placed, support }, findings);
    checkCast(subject, { placed, support }, findings);
  }
};

interface Use {
  readonly placed: PlacedNode;
  readonly support: OperatorSupport;
}

function checkPlain(subject: Subject, { placed, support }: Use, findings: Findings): void {
  const dtype = dataTypeOf(placed, support);
  if (support.types === undefined || dtype === undefined || support.types.includes(dtype)) return;
  const { label } = subject.profile;
  const allowed = support.types.length === 0 ? "it only between Q and DQ" : support.types.join(", ");
  const message = `${operatorName(placed.node)} of ${dtype}; ${label} supports ${allowed}`;
  const advice = ADVICE[dtype] ?? `convert it to ${support.types[0] ?? "a quantized type"}`;
  findings.about("dtype", placed, rejection(subject, placed, message, advice));
}

function checkWhole(subject: Subject, { placed, support }: Use, findings: Findings): void {
  const { node, scope } = placed;
  const before = node.inputs.map((value) => dequantizerOf(value, scope)).filter((one) => one !== undefined);
  const isMeant =
    support.wholeUnits === "always" ||
    (support.wholeUnits === "output" && node.outputs.some((value) => scope.index.isOutput(value)));
  if (!isMeant || before.length === 0) return;
  const message = `${operatorName(node)} follows DequantizeLinear, but no QuantizeLinear of the same type follows it; ${subject.profile.label} needs both or neither`;
  const advice = "put one QuantizeLinear of the same type after it";
  findings.about("qdq-form", placed, rejection(subject, placed, message, advice));
  for (const dequantizer of before) findings.refuse("qdq-form", dequantizer);
}

/** Checks an operator that follows DequantizeLinear and is followed by no QuantizeLinear. */
function checkOpen(subject: Subject, { placed, support }: Use, findings: Findings): void {
  const { node, scope } = placed;
  const allowed = support.openTypes;
  if (allowed === undefined) return;
  const before = node.inputs
    .map((value) => dequantizerOf(value, scope))
    .filter((one) => one !== undefined)
    .filter((one) => !isRemovedDequantizer(subject, one, scope));
  const refused = activationTypes(placed, before).find((dtype) => !allowed.includes(dtype));
  if (refused === undefined) return;
  const message = `${operatorName(node)} reads ${refused} activations; ${subject.profile.label} supports ${allowed.join(", ")}`;
  const advice = `quantize them to ${allowed[0] ?? "another type"}`;
  findings.about("qdq-parameters", placed, rejection(subject, placed, message, advice));
}

/** Checks a second operand that is computed. */
function checkComputedWeight(subject: Subject, { placed, support }: Use, findings: Findings): void {
  const { node, scope } = placed;
  const { constantWeightFrom = Infinity, computedWeightsOf, weight = 1 } = support;
  const { label } = subject.profile;
  const value = node.inputs[weight] ?? "";
  const dequantizer = dequantizerOf(value, scope);
  if (value === "" || scope.isKnown(dequantizer?.inputs[0] ?? value)) return;
  const rank = scope.of(node.inputs[0] ?? "").shape?.length ?? 0;
  if (rank >= constantWeightFrom) {
    const message = `${operatorName(node)} has computed weights and ${rank} axes; ${label} needs constant weights from ${constantWeightFrom} axes on`;
    findings.about(
      "constant-input",
      placed,
      rejection(subject, placed, message, "make the weights constant"),
    );
  }
  if (dequantizer === undefined || isRemovedDequantizer(subject, dequantizer, scope)) return;
  const { dtype } = parametersOf(dequantizer, scope);
  if (dtype === undefined || computedWeightsOf === undefined || computedWeightsOf.includes(dtype)) return;
  const message = `${operatorName(node)} by computed numbers of ${dtype}; ${label} supports ${computedWeightsOf.join(", ")}`;
  const advice = `quantize both operands to ${computedWeightsOf[0] ?? "another type"}`;
  findings.about("qdq-parameters", placed, rejection(subject, placed, message, advice));
}

function checkQuantized(
  subject: Subject,
  { placed, support, parts }: Use & { readonly parts: readonly GraphNode[] },
  findings: Findings,
): void {
  const { label } = subject.profile;
  const types = activationTypes(placed, parts);
  const allowed = support.quantizedTypes;
  const refused = types.find((dtype) => allowed?.includes(dtype) === false);
  if (refused !== undefined && allowed !== undefined) {
    const takes = allowed.length === 0 ? "it only in float" : allowed.join(", ");
    const message = `${operatorName(placed.node)} quantized to ${refused}; ${label} supports ${takes}`;
    const advice = allowed[0] === undefined ? "keep it in float" : `quantize it to ${allowed[0]}`;
    findings.about("qdq-parameters", placed, rejection(subject, placed, message, advice));
  }
  // A unit of different types is computed in float.
  if (new Set(types).size > 1) {
    checkPlain(subject, { placed, support }, findings);
    checkWhole(subject, { placed, support }, findings);
  }
  checkWeight(subject, { placed, support }, types[0], findings);
}

/** The second operand of a unit, which comes from DequantizeLinear. */
interface QuantizedOperand {
  /** Name of the operator that reads it. */
  readonly reader: string;
  readonly label: string;
  readonly dtype: OnnxDType;
  readonly zeroPoints: readonly number[] | undefined;
  readonly isPerChannel: boolean;
  readonly isConstant: boolean;
  /** Number of inputs of the operator. */
  readonly inputs: number;
  /** Type of the first operand. */
  readonly activations: OnnxDType;
}

/** What is wrong with an operand; undefined: nothing. */
type OperandCheck = (
  operand: QuantizedOperand,
  support: OperatorSupport,
) => { readonly message: string; readonly advice: string } | undefined;

const needsChannelScales: OperandCheck = ({ reader, label, dtype, isPerChannel }, { channelScales }) =>
  isPerChannel || channelScales?.includes(dtype) !== true
    ? undefined
    : {
        message: `${reader} has weights of ${dtype} with one scale; ${label} needs one per channel`,
        advice: "use one scale per channel",
      };

const needsZeroPoint: OperandCheck = ({ reader, label, dtype, zeroPoints }, { zeroPointOf }) => {
  const needed = zeroPointOf?.[dtype];
  if (needed === undefined || !hasOther(zeroPoints, needed)) return undefined;
  return {
    message: `${reader} by ${dtype} numbers with zero point ${zeroPoints?.[0] ?? ""}; ${label} needs ${needed}`,
    advice: "quantize them symmetrically, or to int8",
  };
};

const needsSymmetry: OperandCheck = (
  { reader, label, dtype, zeroPoints, isPerChannel },
  { channelWeightsOf },
) => {
  if (!isPerChannel || channelWeightsOf === undefined || !hasOther(zeroPoints, middleOf(dtype)))
    return undefined;
  return {
    message: `${reader} has weights with one scale per channel that are not symmetric; ${label} needs the middle of ${dtype} as zero point`,
    advice: "quantize them symmetrically",
  };
};

const needsType: OperandCheck = (
  { reader, label, dtype, isPerChannel, isConstant, inputs, activations },
  { channelWeightsOf, pairWeightsOf, weightsOf },
) => {
  const withoutBias = inputs === 2 ? pairWeightsOf : undefined;
  const allowed = ((isPerChannel ? channelWeightsOf : withoutBias) ?? weightsOf)?.[activations];
  if (!isConstant || allowed === undefined || allowed.includes(dtype)) return undefined;
  return {
    message: `${reader} has weights of ${dtype} with ${activations} activations; ${label} supports ${allowed.join(", ")}`,
    advice: `use ${allowed[0] ?? ""}`,
  };
};

const OPERAND_CHECKS: readonly OperandCheck[] = [
  needsChannelScales,
  needsZeroPoint,
  needsSymmetry,
  needsType,
];

const hasOther = (zeroPoints: readonly number[] | undefined, needed: number): boolean =>
  zeroPoints?.some((zero) => zero !== needed) === true;

/** Checks the second operand of a unit. */
function checkWeight(
  subject: Subject,
  { placed, support }: Use,
  activations: OnnxDType | undefined,
  findings: Findings,
): void {
  const { node, scope } = placed;
  const dequantizer = dequantizerOf(node.inputs[support.weight ?? 1] ?? "", scope);
  if (dequantizer === undefined || activations === undefined) return;
  const { dtype, zeroPoints, isPerChannel } = parametersOf(dequantizer, scope);
  if (dtype === undefined) return;
  const operand: QuantizedOperand = {
    reader: operatorName(node),
    label: subject.profile.label,
    dtype,
    zeroPoints,
    isPerChannel,
    isConstant: scope.isKnown(dequantizer.inputs[0] ?? ""),
    inputs: node.inputs.length,
    activations,
  };
  for (const check of OPERAND_CHECKS) {
    const found = check(operand, support);
    if (found !== undefined)
      findings.about("qdq-weight", placed, rejection(subject, placed, found.message, found.advice));
  }
}

function checkCast(subject: Subject, { placed, support }: Use, findings: Findings): void {
  const { node, scope } = placed;
  if (support.casts === undefined) return;
  const [from, to] = [scope.of(node.inputs[0] ?? "").dtype, scope.of(node.outputs[0] ?? "").dtype];
  if (from === undefined || to === undefined || support.casts[from]?.includes(to) === true) return;
  const message = `${operatorName(node)} from ${from} to ${to}: ${subject.profile.label} does not support this conversion`;
  findings.about("dtype", placed, rejection(subject, placed, message, "convert via float32 or int32"));
}
