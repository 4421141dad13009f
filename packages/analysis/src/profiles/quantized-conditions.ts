/** Conditions on the Q and DQ around an operator and on its second operand. The compilers of NPUs share their form. */
import type { GraphNode, OnnxDType } from "@slm/onnx";
import { operatorName } from "../graph/finding.js";
import {
  activationTypes,
  dequantizerOf,
  isRemovedDequantizer,
  middleOf,
  parametersOf,
  partsOfUnit,
} from "../graph/quantized-graph.js";
import type { PlacedNode } from "../graph/scope.js";
import type { Condition, Profile, Refusal } from "./profile.js";

/** Types of weights by type of activations. Activations without a row have no limit. */
export type WeightTypes = Readonly<Partial<Record<OnnxDType, readonly OnnxDType[]>>>;

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

type OperandCheck = (operand: QuantizedOperand) => Omit<Refusal, "rule"> | undefined;

/** A condition on the second operand of a unit. */
function operand(check: OperandCheck, input = 1): Condition {
  return (placed, profile) => {
    const { node, scope } = placed;
    const dequantizer = dequantizerOf(node.inputs[input] ?? "", scope);
    const [activations] = activationTypes(placed, partsOfUnit(profile, placed));
    if (dequantizer === undefined || activations === undefined) return undefined;
    const { dtype, zeroPoints, isPerChannel } = parametersOf(dequantizer, scope);
    if (dtype === undefined) return undefined;
    const found = check({
      reader: operatorName(node),
      label: profile.label,
      dtype,
      zeroPoints,
      isPerChannel,
      isConstant: scope.isKnown(dequantizer.inputs[0] ?? ""),
      inputs: node.inputs.length,
      activations,
    });
    return found && { rule: "qdq-weight", ...found };
  };
}

const hasOther = (zeroPoints: readonly number[] | undefined, needed: number): boolean =>
  zeroPoints?.some((zero) => zero !== needed) === true;

/** Weights of some types need one scale per channel. */
export const channelScales = (types: readonly OnnxDType[]): Condition =>
  operand(({ reader, label, dtype, isPerChannel }) =>
    isPerChannel || !types.includes(dtype)
      ? undefined
      : {
          message: `${reader} has weights of ${dtype} with one scale; ${label} needs one per channel`,
          advice: "use one scale per channel",
        },
  );

/** The zero point of a second operand, by its type. */
export const zeroPoints = (needed: Readonly<Partial<Record<OnnxDType, number>>>): Condition =>
  operand(({ reader, label, dtype, zeroPoints: found }) => {
    const wanted = needed[dtype];
    if (wanted === undefined || !hasOther(found, wanted)) return undefined;
    return {
      message: `${reader} by ${dtype} numbers with zero point ${found?.[0] ?? ""}; ${label} needs ${wanted}`,
      advice: "quantize them symmetrically, or to int8",
    };
  });

/** Zero points of weights with one scale per channel are in the middle of their type's range. */
export const symmetricChannels: Condition = operand(
  ({ reader, label, dtype, zeroPoints: found, isPerChannel }) =>
    !isPerChannel || !hasOther(found, middleOf(dtype))
      ? undefined
      : {
          message: `${reader} has weights with one scale per channel that are not symmetric; ${label} needs the middle of ${dtype} as zero point`,
          advice: "quantize them symmetrically",
        },
);

/**
 * Types of quantized weights.
 *
 * @param options types of weights with one scale per channel and of nodes with two inputs, if different, and the weights' `input`
 */
export const weightTypes = (
  types: WeightTypes,
  { channel, pair, input }: { channel?: WeightTypes; pair?: WeightTypes; input?: number } = {},
): Condition =>
  operand(({ reader, label, dtype, isPerChannel, isConstant, inputs, activations }) => {
    const withoutBias = inputs === 2 ? pair : undefined;
    const allowed = ((isPerChannel ? channel : withoutBias) ?? types)[activations];
    if (!isConstant || allowed === undefined || allowed.includes(dtype)) return undefined;
    return {
      message: `${reader} has weights of ${dtype} with ${activations} activations; ${label} supports ${allowed.join(", ")}`,
      advice: `use ${allowed[0] ?? ""}`,
    };
  }, input);

/** The DQ nodes before a node. */
const dequantizersBefore = ({ node, scope }: PlacedNode): readonly GraphNode[] =>
  node.inputs.map((value) => dequantizerOf(value, scope)).filter((one) => one !== undefined);

/** Whether a node computes in integers of one type. */
function isUniform(placed: PlacedNode, profile: Profile): boolean {
  const parts = partsOfUnit(profile, placed);
  return parts.length > 0 && new Set(activationTypes(placed, parts)).size <= 1;
}

/** After DequantizeLinear the operator is supported only before QuantizeLinear: `always`, or if it computes an `output` of the model. */
export const wholeUnit =
  (where: "always" | "output"): Condition =>
  (placed, profile) => {
    const { node, scope } = placed;
    const before = dequantizersBefore(placed);
    const isMeant = where === "always" || node.outputs.some((value) => scope.index.isOutput(value));
    if (!isMeant || before.length === 0 || isUniform(placed, profile)) return undefined;
    return {
      rule: "qdq-form",
      message: `${operatorName(node)} follows DequantizeLinear, but no QuantizeLinear of the same type follows it; ${profile.label} needs both or neither`,
      advice: "put one QuantizeLinear of the same type after it",
      also: before,
    };
  };

/** Types of activations after DequantizeLinear if no QuantizeLinear follows. */
export const openTypes =
  (types: readonly OnnxDType[]): Condition =>
  (placed, profile) => {
    if (partsOfUnit(profile, placed).length > 0) return undefined;
    const before = dequantizersBefore(placed).filter(
      (one) => !isRemovedDequantizer(profile, one, placed.scope),
    );
    const refused = activationTypes(placed, before).find((dtype) => !types.includes(dtype));
    if (refused === undefined) return undefined;
    return {
      rule: "qdq-parameters",
      message: `${operatorName(placed.node)} reads ${refused} activations; ${profile.label} supports ${types.join(", ")}`,
      advice: `quantize them to ${types[0] ?? "another type"}`,
    };
  };

/** The second operand, if it is computed; `dequantizer` is the DQ that it comes from. */
function computedOperand({
  node,
  scope,
}: PlacedNode): { readonly dequantizer: GraphNode | undefined } | undefined {
  const value = node.inputs[1] ?? "";
  const dequantizer = dequantizerOf(value, scope);
  return value === "" || scope.isKnown(dequantizer?.inputs[0] ?? value) ? undefined : { dequantizer };
}

/** From a rank of the data on, weights are constant. */
export const constantWeight =
  (from: number): Condition =>
  (placed, profile) => {
    const rank = placed.scope.of(placed.node.inputs[0] ?? "").shape?.length ?? 0;
    if (rank < from || computedOperand(placed) === undefined) return undefined;
    return {
      rule: "constant-input",
      message: `${operatorName(placed.node)} has computed weights and ${rank} axes; ${profile.label} needs constant weights from ${from} axes on`,
      advice: "make the weights constant",
    };
  };

/** Types of computed weights between Q and DQ. */
export const computedWeights =
  (types: readonly OnnxDType[]): Condition =>
  (placed, profile) => {
    const { dequantizer } = computedOperand(placed) ?? {};
    if (dequantizer === undefined || isRemovedDequantizer(profile, dequantizer, placed.scope))
      return undefined;
    const { dtype } = parametersOf(dequantizer, placed.scope);
    if (dtype === undefined || types.includes(dtype)) return undefined;
    return {
      rule: "qdq-parameters",
      message: `${operatorName(placed.node)} by computed numbers of ${dtype}; ${profile.label} supports ${types.join(", ")}`,
      advice: `quantize both operands to ${types[0] ?? "another type"}`,
    };
  };
