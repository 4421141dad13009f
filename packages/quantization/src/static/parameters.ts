/** Computes scale and zero point of every value in a plan. */
import { SlmError } from "@slm/core";
import type { ValueRange } from "../calibration/collect.js";
import {
  parametersOf,
  type IntegerType,
  type QuantizationParameters,
  type RangeOptions,
} from "./integer-types.js";
import type { RoundedWeight } from "./rounded-weights.js";
import type { TensorPlan } from "./tensor-plan.js";
import { channelLayout, scalesForBias, weightParameters } from "./weight-codes.js";
import { float32sOf } from "../weights/float-bytes.js";

/** One set of parameters, or one per index along `axis`. */
export interface TensorParameters {
  readonly type: IntegerType;
  readonly parameters: readonly QuantizationParameters[];
  readonly axis?: number | undefined;
}

export interface ParameterOptions {
  readonly activations: IntegerType;
  readonly weights: IntegerType;
  /** Codes of weights use one bit less. Default false. */
  readonly reduceRange?: boolean | undefined;
  /** Minimum width of a range. Default: none. */
  readonly minimumWidth?: number | undefined;
  /** Types of weights by name. Default: `weights` for all. */
  readonly types?: ReadonlyMap<string, IntegerType> | undefined;
  /** Weights with separately chosen grids, by name. */
  readonly rounded?: ReadonlyMap<string, RoundedWeight> | undefined;
  /** Parameters that do not depend on data, by value. */
  readonly fixed?: ReadonlyMap<string, QuantizationParameters> | undefined;
}

const isSigned = (type: IntegerType): boolean => type.startsWith("int");

/**
 * Computes parameters by value: activations from their ranges, constants from their numbers, the others from the value that `like` names.
 *
 * A weight whose scale is too small for the bias added to its product gets a larger one.
 *
 * @throws SlmError DATA_INVALID for a value without a calibrated range
 */
export function tensorParameters(
  plan: TensorPlan,
  ranges: ReadonlyMap<string, ValueRange>,
  options: ParameterOptions,
): ReadonlyMap<string, TensorParameters> {
  const found = new Map<string, TensorParameters>();
  for (const [name, planned] of plan.tensors) {
    if (planned.kind === "like") continue;
    const constant = plan.graph.initializers.has(name);
    const axis = planned.kind === "weight" ? planned.axis : undefined;
    found.set(
      name,
      constant
        ? constantParameters(plan, name, planned.kind === "weight", axis, options)
        : activationParameters(name, ranges, options),
    );
  }
  for (const bias of plan.biases.values()) raiseForBias(plan, bias, found);
  for (const name of plan.tensors.keys()) resolve(name, plan, ranges, options, found);
  return found;
}

function activationParameters(
  name: string,
  ranges: ReadonlyMap<string, ValueRange>,
  { activations, minimumWidth, fixed }: ParameterOptions,
): TensorParameters {
  const own = fixed?.get(name);
  if (own !== undefined) return { type: activations, parameters: [own] };
  const range = ranges.get(name);
  if (range === undefined) {
    throw new SlmError("DATA_INVALID", `quantize: calibration found no numbers for '${name}'`, {
      suggestions: ["calibrate with rows that exercise the whole graph"],
    });
  }
  const options: RangeOptions = { symmetric: false, minimumWidth };
  return { type: activations, parameters: [parametersOf(range.low, range.high, activations, options)] };
}

/** Parameters of a constant. Per channel they are always symmetric, because integer kernels need one zero point. */
function constantParameters(
  plan: TensorPlan,
  name: string,
  isWeight: boolean,
  axis: number | undefined,
  { activations, weights, types, rounded, reduceRange = false, minimumWidth }: ParameterOptions,
): TensorParameters {
  const own = rounded?.get(name);
  if (own !== undefined && axis !== undefined) return { type: weights, parameters: own.parameters, axis };
  const initializer = plan.graph.initializers.get(name)!;
  const type = isWeight ? (types?.get(name) ?? weights) : activations;
  const layout = channelLayout(initializer.shape, axis);
  const parameters = weightParameters(name, float32sOf(initializer), layout, type, {
    symmetric: axis !== undefined || (isWeight && isSigned(type)),
    reduceRange: reduceRange && isWeight,
    minimumWidth,
  });
  return { type, parameters, axis };
}

function raiseForBias(
  plan: TensorPlan,
  { name, input, weight }: { readonly name: string; readonly input: string; readonly weight: string },
  found: Map<string, TensorParameters>,
): void {
  const inputScale = found.get(input)?.parameters[0]?.scale;
  const own = found.get(weight);
  if (inputScale === undefined || own === undefined) return;
  if (!isSigned(own.type) || own.type === "int4" || own.parameters.some(({ zero }) => zero !== 0)) return;
  const scales = scalesForBias(
    own.parameters.map(({ scale }) => scale),
    inputScale,
    float32sOf(plan.graph.initializers.get(name)!),
  );
  found.set(weight, { ...own, parameters: scales.map((scale) => ({ scale, zero: 0 })) });
}

/** Follows `like` to a value with its own parameters. Parameters per channel cannot be shared. */
function resolve(
  name: string,
  plan: TensorPlan,
  ranges: ReadonlyMap<string, ValueRange>,
  options: ParameterOptions,
  found: Map<string, TensorParameters>,
): TensorParameters {
  const known = found.get(name);
  if (known !== undefined) return known;
  const planned = plan.tensors.get(name);
  const source =
    planned?.kind === "like" && plan.tensors.has(planned.value)
      ? resolve(planned.value, plan, ranges, options, found)
      : undefined;
  const result =
    source === undefined || source.axis !== undefined ? activationParameters(name, ranges, options) : source;
  found.set(name, result);
  return result;
}
