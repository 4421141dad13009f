/** Scale and zero point of everything a plan quantizes. */
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

/** One set of parameters, or one per place along `axis`. */
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
  /** Least width of a range. Default none. */
  readonly minimumWidth?: number | undefined;
  /** Types of weights by name. Default: `weights` for all. */
  readonly types?: ReadonlyMap<string, IntegerType> | undefined;
  /** Weights with grids of their own, by name. */
  readonly rounded?: ReadonlyMap<string, RoundedWeight> | undefined;
  /** Parameters that no data decide, by value. */
  readonly fixed?: ReadonlyMap<string, QuantizationParameters> | undefined;
}

const isSigned = (type: IntegerType): boolean => type.startsWith("int");

/**
 * Parameters by value: activations from their ranges, constants from their numbers, the others from what they are like.
 *
 * A weight whose scale is too small for the bias added to its product gets a larger one.
 *
 * @throws SlmError DATA_INVALID for a value that calibration never saw
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
    throw new SlmError("DATA_INVALID", `quantize: calibration saw no number of '${name}'`, {
      suggestions: ["calibrate with rows that use the whole graph"],
    });
  }
  const options: RangeOptions = { symmetric: false, minimumWidth };
  return { type: activations, parameters: [parametersOf(range.low, range.high, activations, options)] };
}

/** A constant: per channel always symmetric, as integer kernels want one zero point. */
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

/** Follows `like` to a value with parameters of its own; one with a scale per channel cannot be shared. */
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
