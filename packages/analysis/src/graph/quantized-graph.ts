/** Queries about the QuantizeLinear and DequantizeLinear nodes of a graph. */
import { attributeOf, type GraphNode, type OnnxDType } from "@slm/onnx";
import type { PlacedNode, Scope } from "./scope.js";

/** The parts of a profile that decide what a compiler computes in integers; see `QuantizationRules`. */
interface Quantizer {
  readonly quantization?:
    { readonly wrapped: ReadonlySet<string>; readonly removed: readonly OnnxDType[] } | undefined;
}

export function isQuantize({ opType, domain }: GraphNode): boolean {
  return opType === "QuantizeLinear" && (domain === "" || domain === "com.microsoft");
}

export function isDequantize({ opType, domain }: GraphNode): boolean {
  return opType === "DequantizeLinear" && (domain === "" || domain === "com.microsoft");
}

/** Scale and zero point of a Q or DQ node. */
export interface Parameters {
  /** Absent if they are not constant, or too many to read. */
  readonly scales?: readonly number[] | undefined;
  readonly zeroPoints?: readonly number[] | undefined;
  /** Type of the quantized side. */
  readonly dtype?: OnnxDType | undefined;
  /** Axis of the scales, if there are several. */
  readonly axis: number;
  /** Number of elements that share a scale along `axis`; 0: all. */
  readonly block: number;
  readonly isPerChannel: boolean;
}

export function parametersOf(node: GraphNode, scope: Scope): Parameters {
  const [x = "", scale = "", zero = ""] = node.inputs;
  const quantized = isQuantize(node) ? (node.outputs[0] ?? "") : x;
  const scaleShape = scope.of(scale).shape;
  const scales = scope.numbersOf(scale);
  const isPerChannel =
    scaleShape !== undefined && scaleShape.length > 0 && !scaleShape.every((size) => size === 1);
  return {
    scales,
    // The default zero point is 0.
    zeroPoints: zero === "" ? [0] : scope.numbersOf(zero),
    dtype: scope.of(quantized).dtype,
    axis: attributeOf(node, "axis", "int") ?? 1,
    block: attributeOf(node, "block_size", "int") ?? 0,
    isPerChannel,
  };
}

/** Smallest and largest number of a quantized type. */
const RANGE: Readonly<Partial<Record<OnnxDType, readonly [number, number]>>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
};

/** The number in the middle of a type's range: the zero point of symmetric numbers. */
export function middleOf(dtype: OnnxDType): number {
  const [low, high] = RANGE[dtype] ?? [0, 0];
  return Math.ceil((low + high) / 2);
}

/** The DQ node that computes a value; undefined if none does. */
export function dequantizerOf(value: string, scope: Scope): GraphNode | undefined {
  const node = scope.index.producerOf(value)?.node;
  return node !== undefined && isDequantize(node) ? node : undefined;
}

/** The Q node that is the only reader of a value; undefined if there is none or the value has other readers. */
export function onlyQuantizerOf(value: string, scope: Scope): GraphNode | undefined {
  const uses = scope.index.usesOf(value);
  const [use] = uses;
  const isAlone = uses.length === 1 && use !== undefined && isQuantize(use.node);
  return isAlone && !scope.index.isOutput(value) ? use.node : undefined;
}

/** Whether the model, or a part of it, is in QDQ form. */
export function hasQuantization({ nodes }: { readonly nodes: readonly PlacedNode[] }): boolean {
  return nodes.some(({ node }) => isQuantize(node) || isDequantize(node));
}

/** Inputs that stay float in a quantized operator. */
const FLOAT_INPUTS: Readonly<Record<string, readonly number[]>> = {
  Clip: [1, 2],
  Pad: [2],
  Resize: [1, 2],
  Upsample: [1],
};

const FLOATS: ReadonlySet<string> = new Set(["float32", "float16"]);

/** Float inputs of a node that should be quantized, with their indices. */
export function floatInputs({ node, scope }: PlacedNode): readonly { index: number; value: string }[] {
  const exempt = FLOAT_INPUTS[node.opType] ?? [];
  return node.inputs.flatMap((value, index) => {
    const isFloat = value !== "" && FLOATS.has(scope.of(value).dtype ?? "");
    return isFloat && !exempt.includes(index) ? [{ index, value }] : [];
  });
}

/** Float outputs of a node that have readers. */
export function floatOutputs({ node, scope }: PlacedNode): readonly string[] {
  return node.outputs.filter((value) => {
    const isRead = scope.index.usesOf(value).length > 0 || scope.index.isOutput(value);
    return value !== "" && isRead && FLOATS.has(scope.of(value).dtype ?? "");
  });
}

/**
 * Whether the compiler removes a DQ node together with the Q before it, so that the operators after it compute in float. It keeps a DQ
 * that reads an input of the model.
 */
export function isRemovedDequantizer(profile: Quantizer, node: GraphNode, scope: Scope): boolean {
  const { dtype } = parametersOf(node, scope);
  if (dtype === undefined || profile.quantization?.removed.includes(dtype) !== true) return false;
  const before = scope.index.producerOf(node.inputs[0] ?? "")?.node;
  return isDequantize(node) && before !== undefined && isQuantize(before);
}

/**
 * The DQ before a node and the Q after it, if they make it a quantized operator: every float input comes from DequantizeLinear, every
 * output goes to one QuantizeLinear. Empty for other nodes. If the compiler removes the quantization of the activations, only the DQ of
 * weights.
 */
export function partsOfUnit(profile: Quantizer, placed: PlacedNode): readonly GraphNode[] {
  const { node, scope } = placed;
  if (node.domain !== "" || profile.quantization?.wrapped.has(node.opType) !== true) return [];
  const before = floatInputs(placed).map(({ value }) => dequantizerOf(value, scope));
  const after = floatOutputs(placed).map((value) => onlyQuantizerOf(value, scope));
  const parts = [...before, ...after].filter((part) => part !== undefined);
  if (parts.length < before.length + after.length) return [];
  return isComputedInFloat(profile, parts, scope) ? parts.filter((part) => isWeight(part, scope)) : parts;
}

const isWeight = (part: GraphNode, scope: Scope): boolean =>
  isDequantize(part) && scope.isKnown(part.inputs[0] ?? "");

/** Whether the compiler removes the quantization of all activations of a unit. */
function isComputedInFloat(profile: Quantizer, parts: readonly GraphNode[], scope: Scope): boolean {
  const activations = parts.filter((part) => !isWeight(part, scope));
  const inputs = activations.filter(isDequantize);
  const removed = profile.quantization?.removed;
  return (
    inputs.length > 0 &&
    inputs.every((part) => isRemovedDequantizer(profile, part, scope)) &&
    activations.every((part) => removed?.some((dtype) => dtype === parametersOf(part, scope).dtype))
  );
}

/** Types of the activations that the Q and DQ of a unit convert to integers, without constants, which are weights. */
export function activationTypes({ scope }: PlacedNode, parts: readonly GraphNode[]): readonly OnnxDType[] {
  const isActivation = (part: GraphNode): boolean => isQuantize(part) || !scope.isKnown(part.inputs[0] ?? "");
  const types = parts.filter(isActivation).map((part) => parametersOf(part, scope).dtype);
  return types.filter((dtype) => dtype !== undefined);
}

/** The integer type in which a unit computes; undefined if the node is not part of a unit. */
export function quantizedTypeOf(profile: Quantizer, placed: PlacedNode): OnnxDType | undefined {
  return activationTypes(placed, partsOfUnit(profile, placed))[0];
}
