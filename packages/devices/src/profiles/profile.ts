/** The operators a profile runs, as data. Every fact names its source; nothing here was measured on the device. */
import type { OnnxDType } from "@slm/onnx";
import type { DeviceRow, ProfileName } from "../table/index.js";

export interface Source {
  readonly document: string;
  readonly version: string;
}

/** Values an attribute may have. */
export interface AttributeLimit {
  /** `last-axis`: the last axis of input 0, whichever way it is written. */
  readonly allowed: readonly (number | string)[] | "last-axis";
  /** What a missing attribute means. */
  readonly missing: number | string;
}

/** How far a device supports one operator. An empty row: in every form. */
export interface OperatorSupport {
  /** First and last opset of the operator's domain in which it is supported. */
  readonly since?: number;
  readonly until?: number;
  /** Most axes of any input or output, where that differs from the profile's. */
  readonly maxRank?: number;
  /** Inputs that must be known when the model is compiled; those left out are fine. */
  readonly constantInputs?: readonly number[];
  /** Exactly this many inputs. */
  readonly inputCount?: number;
  /** Element types an input may have. */
  readonly inputTypes?: Readonly<Record<number, readonly OnnxDType[]>>;
  /** Inputs whose int64 is only taken straight from a graph input or a constant. */
  readonly plainInt64?: readonly number[];
  readonly attributes?: Readonly<Record<string, AttributeLimit>>;
  /** Not in every version of the provider that is in use: in which. */
  readonly only?: string;
  /** Only as a part of this composition, which the runtime fuses. */
  readonly moduleOf?: "erf-gelu";
}

/** The QDQ form a device's compiler recognises. */
export interface QuantizationRules {
  /** Element types of quantized activations. */
  readonly activations: readonly OnnxDType[];
  /** Element types of quantized weights; 4-bit ones must be symmetric with zero point 0. */
  readonly weights: readonly OnnxDType[];
  /** Inputs that are weights, by operator, with the axis per-channel scales must lie along. */
  readonly weightInputs: Readonly<Record<string, WeightInput>>;
  /** int32 with the product of input and weight scale and zero point 0, by operator. */
  readonly biasInputs: Readonly<Record<string, number>>;
  /** Operators that move elements: input and output must have the same scale and zero point. */
  readonly sameParameters: ReadonlySet<string>;
  /** Operators that are compiled as quantized only between DequantizeLinear and QuantizeLinear. */
  readonly wrapped: ReadonlySet<string>;
  /** Scales of blocks along an axis (opset 21 `block_size`). */
  readonly blocks: boolean;
  /** Scale and zero point that 16-bit outputs must have. */
  readonly fixedOutputs: Readonly<Record<string, Partial<Record<OnnxDType, FixedParameters>>>>;
  /** Zero points must be in the middle of the range and scales powers of two. */
  readonly powerOfTwo: boolean;
  /** What happens to a part that is not quantized. */
  readonly float: string;
}

export interface WeightInput {
  readonly index: number;
  /** Allowed axis of per-channel scales; `columns`: 1, or 0 where `transB` is set. */
  readonly axis: number | "columns";
}

interface FixedParameters {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** What the table of devices does not say of a profile: rules about operators, element types and the QDQ form. */
export interface OperatorRules {
  readonly sources: readonly Source[];
  /** By operator; other domains than ONNX's own as `domain:Operator`. */
  readonly operators: Readonly<Record<string, OperatorSupport>>;
  /** Whether the list is the vendor's; where it is not, other operators are unknown, not rejected. */
  readonly operatorsAreComplete: boolean;
  /** Element types that values may have. */
  readonly dtypes: readonly OnnxDType[];
  /** Types that are accepted but changed: what becomes of them. */
  readonly convertedTypes: Readonly<Partial<Record<OnnxDType, string>>>;
  readonly controlFlow: "forbidden" | "allowed";
  /** Newest opset the vendor's tools were written for. */
  readonly advisedOpset?: number;
  readonly quantization?: QuantizationRules;
  readonly maxWeightBytes: number;
  /** Nodes without a name cannot be told apart in the vendor's reports. */
  readonly wantsNames: boolean;
}

/** A profile for one target: its operator rules beside what the table of devices says. */
export interface Profile
  extends OperatorRules, Pick<DeviceRow, "title" | "label" | "rest" | "staticShapes" | "maxRank"> {
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

/** The same for operators of ONNX Runtime's own domain. */
export function contrib(names: string): Record<string, OperatorSupport> {
  return Object.fromEntries(
    names
      .trim()
      .split(/\s+/)
      .map((name) => [`com.microsoft:${name}`, {}]),
  );
}

/** Protobuf files and most compilers stop here [bytes]. */
export const TWO_GIGABYTES = 2 ** 31;
