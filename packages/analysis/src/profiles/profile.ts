/** The operators that a profile supports, as data with their sources. Nothing was measured on a device. */
import type { DeviceRow, ProfileName } from "@slm/devices";
import type { GraphNode, OnnxDType } from "@slm/onnx";
import type { Remark, RuleName } from "../graph/finding.js";
import type { PlacedNode } from "../graph/scope.js";

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

/** Why a provider does not support a node. */
export interface Refusal extends Pick<Remark, "message" | "advice"> {
  readonly rule: RuleName;
  /** Other nodes that the device does not compute for this reason. */
  readonly also?: readonly GraphNode[];
}

/** A condition that one provider has, as a function: the reason why the provider does not support a node, or undefined. */
export type Condition = (placed: PlacedNode, profile: Profile) => Refusal | undefined;

/** Support of one operator by a device. An empty row means no limits. */
export interface OperatorSupport {
  /** First and last opset of the operator's domain in which it is supported. */
  readonly since?: number;
  readonly until?: number;
  /** Highest rank of any input or output, if different from the profile's. */
  readonly maxRank?: number;
  /** Highest rank by element type of the data, if different from `maxRank`. */
  readonly maxRankOf?: Readonly<Partial<Record<OnnxDType, number>>>;
  /** Index of the data input; default 0. */
  readonly data?: number;
  /** Element types of data that are not quantized, if not all of the profile. */
  readonly types?: readonly OnnxDType[];
  /** Types of activations between Q and DQ, if not all of the profile. Empty: the quantized form is not supported. */
  readonly quantizedTypes?: readonly OnnxDType[];
  /** Target types of a Cast, by source type. */
  readonly casts?: Readonly<Partial<Record<OnnxDType, readonly OnnxDType[]>>>;
  /** Supported element types of an input. */
  readonly inputTypes?: Readonly<Record<number, readonly OnnxDType[]>>;
  /** Inputs that must be constant; omitted optional inputs are allowed. */
  readonly constantInputs?: readonly number[];
  /** Inputs that must be omitted. */
  readonly absentInputs?: readonly number[];
  /** Inputs that must not be scalars. */
  readonly noScalars?: readonly number[];
  /** Maximum number of outputs that are read. */
  readonly outputCount?: number;
  readonly attributes?: Readonly<Record<string, AttributeLimit>>;
  /** Combinations of attributes: every entry must be met. */
  readonly combinations?: readonly Alternatives[];
  /** What else the provider needs. */
  readonly conditions?: readonly Condition[];
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
