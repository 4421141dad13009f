/** The operators that a profile supports, as data with their sources. Nothing was measured on a device. */
import type { DeviceRow, ProfileName } from "@slm/devices";
import type { OnnxDType } from "@slm/onnx";

export interface Source {
  readonly document: string;
  readonly version: string;
}

/** Supported values of an attribute. */
export interface AttributeLimit {
  /** `last-axis`: the last axis of input 0, as a positive or negative number; `ones`: a list of ones. */
  readonly allowed: readonly (number | string)[] | "last-axis" | "ones";
  /** The attribute's default. */
  readonly missing: number | string;
  /** The limit applies only if this input is omitted. */
  readonly without?: number;
  /** What happens with other values, if the provider accepts the node anyway and does not leave it to the CPU. */
  readonly otherwise?: string;
}

/**
 * Limits of several attributes, of which a node must meet at least one. `rank` is the higher rank of the first input and output, `type` the
 * element type of the data, and `quantized` the type of activations between Q and DQ, or `none`.
 */
export type Alternatives = Readonly<Record<string, AttributeLimit>>;

/** Support of one operator by a device. An empty row means no limits. */
export interface OperatorSupport {
  /** First and last opset of the operator's domain in which it is supported. */
  readonly since?: number;
  readonly until?: number;
  /** Highest rank of any input or output, if different from the profile's. */
  readonly maxRank?: number;
  /**
   * After DequantizeLinear, the operator is supported only before QuantizeLinear: `always`, or only if it computes an `output` of the
   * model.
   */
  readonly wholeUnits?: "always" | "output";
  /** Types of weights that need one scale per channel. */
  readonly channelScales?: readonly OnnxDType[];
  /** Whether, with `ceil_mode`, the last window must start inside the data. */
  readonly fullWindows?: boolean;
  /** Required zero point of a quantized second operand, by its type. */
  readonly zeroPointOf?: Readonly<Partial<Record<OnnxDType, number>>>;
  /** Highest rank by element type of the data, if different from `maxRank`. */
  readonly maxRankOf?: Readonly<Partial<Record<OnnxDType, number>>>;
  /** Index of the data input; default 0. */
  readonly data?: number;
  /** Element types of data that are not quantized, if not all of the profile. */
  readonly types?: readonly OnnxDType[];
  /** Types of activations between Q and DQ, if not all of the profile. Empty: the quantized form is not supported. */
  readonly quantizedTypes?: readonly OnnxDType[];
  /** Index of the input that `weightsOf` describes; default 1. */
  readonly weight?: number;
  /** Types of quantized weights by type of activations, if not every pair is supported. */
  readonly weightsOf?: Readonly<Partial<Record<OnnxDType, readonly OnnxDType[]>>>;
  /** The same for nodes with two inputs. */
  readonly pairWeightsOf?: Readonly<Partial<Record<OnnxDType, readonly OnnxDType[]>>>;
  /** The same for weights with one scale per channel. Their zero points must be in the middle of their type's range. */
  readonly channelWeightsOf?: Readonly<Partial<Record<OnnxDType, readonly OnnxDType[]>>>;
  /** Target types of a Cast, by source type. */
  readonly casts?: Readonly<Partial<Record<OnnxDType, readonly OnnxDType[]>>>;
  /** Supported Einsum equations, with letters renamed in order of appearance. */
  readonly equations?: readonly string[];
  /** From this rank on, both operands of a matrix product must have the same axes before the last two. */
  readonly sameBatchFrom?: number;
  /** Whether the output must be an output of the model and have no readers. */
  readonly onlyLast?: boolean;
  /** Whether a negative step needs data of 2 or more axes, an end of at least -1 - size, and no other steps. */
  readonly boundedReverse?: boolean;
  /** Highest rank of float data for steps of more than 1, unless the first axis has one element. */
  readonly maxStepRank?: number;
  /** From this rank on, the first axis of the data must have one element. */
  readonly singleBatchFrom?: number;
  /** Types of data, or of activations between Q and DQ, to which `singleBatchFrom` applies, if not all. */
  readonly singleBatchOf?: readonly OnnxDType[];
  /** From this rank on, the weight must be constant. */
  readonly constantWeightFrom?: number;
  /** Types of activations between Q and DQ for which the weight may be computed, if not all. */
  readonly computedWeightsOf?: readonly OnnxDType[];
  /** Types of activations after DequantizeLinear if no QuantizeLinear follows, if not all of the profile. */
  readonly openTypes?: readonly OnnxDType[];
  /** Types of activations between Q and DQ for which a scalar must not select an element of the first axis. */
  readonly noRowsOf?: readonly OnnxDType[];
  /** Whether `num_outputs` must divide the size of the axis. */
  readonly evenOutputs?: boolean;
  /** Rank of data of which only one axis can be padded. */
  readonly lonePadRank?: number;
  /** Whether images with padding on the left, which does not count, also need padding at the top. */
  readonly topWithLeft?: boolean;
  /** Whether indices must have the sizes of the data, apart from the size of `axis`. */
  readonly fullIndices?: boolean;
  /** Types of data with 3 or more axes for which every step must be 1 or -1. */
  readonly unitSteps?: readonly OnnxDType[];
  /** Highest rank of inputs that have more axes than the data. */
  readonly widestInput?: number;
  /** Smallest size of the last axis between Q and DQ. */
  readonly minLastSize?: number;
  /**
   * Largest gap between two windows if the operator computes its own padding [elements]. If it pads, a window must not be as wide as the stride.
   */
  readonly widestGap?: number;
  /** Values of `mode` for which every size times its scale must be whole. */
  readonly wholeSizesFor?: readonly string[];
  /**
   * Whether a quantized Transpose must not move the channels to or from the last axis between an input and an output of the model, without
   * other operators.
   */
  readonly noLoneLayout?: boolean;
  /** Equations that are supported only in float. */
  readonly floatEquations?: readonly string[];
  /** Longest index in the last axis of input 1. */
  readonly maxDepth?: number;
  /** A constant input with axes that must all be positive or all be negative. */
  readonly oneSignInput?: number;
  /** Inputs that must not be scalars. */
  readonly noScalars?: readonly number[];
  /** Inputs that must have elements. */
  readonly filledInputs?: readonly number[];
  /** Inputs that must be omitted. */
  readonly absentInputs?: readonly number[];
  /** Minimum number of outputs, by the type of the data. */
  readonly minOutputsOf?: Readonly<Partial<Record<OnnxDType, number>>>;
  /** Maximum number of outputs that are read. */
  readonly outputCount?: number;
  /** Inputs that must be constant; omitted optional inputs are allowed. */
  readonly constantInputs?: readonly number[];
  /** Inputs that must be constant and not quantized. */
  readonly plainConstants?: readonly number[];
  /** Minimum number of inputs. */
  readonly minInputs?: number;
  /** Supported element types of an input. */
  readonly inputTypes?: Readonly<Record<number, readonly OnnxDType[]>>;
  readonly attributes?: Readonly<Record<string, AttributeLimit>>;
  /** Combinations of attributes: every entry must be met. */
  readonly combinations?: readonly Alternatives[];
  /** The operator is supported only in this pattern, which the runtime fuses. */
  readonly moduleOf?: "erf-gelu";
}

/** The QDQ form a device's compiler recognises. */
export interface QuantizationRules {
  /** Element types of quantized activations. */
  readonly activations: readonly OnnxDType[];
  /** Element types of quantized weights; 4-bit ones must be symmetric with zero point 0. */
  readonly weights: readonly OnnxDType[];
  /** Weight inputs by operator, with the required axis of per-channel scales. */
  readonly weightInputs: Readonly<Record<string, WeightInput>>;
  /** Bias inputs by operator: int32 with scale = input scale · weight scale and zero point 0. */
  readonly biasInputs: Readonly<Record<string, number>>;
  /** Operators whose quantized bias must be a vector. */
  readonly vectorBias?: ReadonlySet<string>;
  /** Operators that move elements: input and output must have the same scale and zero point. */
  readonly sameParameters: ReadonlySet<string>;
  /** Operators that are compiled as quantized only between DequantizeLinear and QuantizeLinear. */
  readonly wrapped: ReadonlySet<string>;
  /** Whether a quantized operator can compute a scalar from scalars. */
  readonly scalars: boolean;
  /** Whether scales per block along an axis are supported (opset 21 `block_size`). */
  readonly blocks: boolean;
  /** Whether DequantizeLinear can read the output of a Cast. */
  readonly castCodes: boolean;
  /**
   * Types of activations whose quantization the compiler removes where DequantizeLinear follows QuantizeLinear. Operators after it compute
   * in float.
   */
  readonly removed: readonly OnnxDType[];
  /** Scale and zero point that 16-bit outputs must have. */
  readonly fixedOutputs: Readonly<Record<string, Partial<Record<OnnxDType, FixedParameters>>>>;
  /** What happens to parts that are not quantized. Appears in messages. */
  readonly float: string;
}

export interface WeightInput {
  readonly index: number;
  /** Allowed axis of per-channel scales; `columns`: 1, or 0 with `transB`. */
  readonly axis: number | "columns";
}

interface FixedParameters {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Rules of a profile in addition to the device table: operators, element types and the QDQ form. */
export interface OperatorRules {
  readonly sources: readonly Source[];
  /** The program, with version, that confirmed these rules. Null: none did, so there are no rules. */
  readonly confirmedBy: string | null;
  /** Support by operator; operators outside the default ONNX domain as `domain:Operator`. */
  readonly operators: Readonly<Record<string, OperatorSupport>>;
  /** Supported element types of values. */
  readonly dtypes: readonly OnnxDType[];
  /** Operators that the compiler computes with channels last. */
  readonly channelsLast?: ReadonlySet<string>;
  /** Highest rank of a computed value by element type, whatever the operator. */
  readonly maxRankOf?: Readonly<Partial<Record<OnnxDType, number>>>;
  /** Types that are accepted but converted, with a description of the conversion. */
  readonly convertedTypes: Readonly<Partial<Record<OnnxDType, string>>>;
  readonly controlFlow: "forbidden" | "allowed";
  /** Highest rank of a tensor: above `rejected` no operator is supported, above `advised` only a few are. */
  readonly maxRank: { readonly rejected: number; readonly advised: number };
  readonly quantization?: QuantizationRules;
  readonly maxWeightBytes: number;
  /** Whether nodes need names, because the vendor's reports identify nodes by name. */
  readonly wantsNames: boolean;
  /** Lowest opset that the device supports. */
  readonly minOpset?: number;
}

/** A profile for one target: its operator rules and its row in the device table. */
export interface Profile extends OperatorRules, Pick<DeviceRow, "title" | "label" | "rest" | "shapes"> {
  readonly name: ProfileName;
}

/** Rows without limits for a list of names. */
export function all(names: string): Record<string, OperatorSupport> {
  return Object.fromEntries(
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, {}]),
  );
}

/** The same for operators of the domain com.microsoft. */
export function contrib(names: string): Record<string, OperatorSupport> {
  return Object.fromEntries(
    names
      .trim()
      .split(/\s+/)
      .map((name) => [`com.microsoft:${name}`, {}]),
  );
}

/** Limit of protobuf files and most compilers [bytes]. */
export const TWO_GIGABYTES = 2 ** 31;
