/** Learning rates per weight for a student that is initialized from its teacher. */
import {
  LAST_NORM_WEIGHT,
  parameterSpecs,
  type ModelConfig,
  type ParameterSpec,
  type StudentWeights,
} from "@slm/model";
import type { HostTensor } from "@slm/runtime";
import type { RateGroups } from "@slm/training";
import type { InitializeConfig } from "../config/initialize-config.js";

/** Rate of the teacher's weights relative to random weights of the same size. Measured in docs/benchmarks/distillation.md. */
const DEFAULT_RATE = 0.25;
/** Limit of the size factor, as a power of two in either direction. */
const LARGEST_POWER = 4;

export interface RelativeRatesRequest {
  readonly config: ModelConfig;
  readonly initialize: Pick<InitializeConfig, "rate" | "warmupSteps">;
  /** Warm-up steps of the learning rate. */
  readonly warmupSteps: number;
  readonly started: StudentWeights;
  /** Whether the gain of the last norm was scaled. */
  readonly isScaled: boolean;
}

/**
 * Factors on the schedule's learning rate.
 *
 * - The teacher's weights: {@link sizePower} as a power of two, times `initialize.rate`. An optimizer whose steps do not depend on the
 *   gradient's size (Muon, AdamW) would otherwise overwrite small weights in the same steps that barely change large weights.
 * - Cross-attention, which a decoder-only teacher lacks, and a scaled last norm: no `initialize.rate`, and from the first step. The others
 *   wait for `initialize.warmupSteps` steps and then warm up.
 *
 * Source: steps relative to the parameter scale, Shazeer and Stern 2018 (arXiv:1804.04235), section 8; here the initial scale.
 */
export function relativeRates(request: RelativeRatesRequest): RateGroups {
  const { config, initialize, warmupSteps: rise, started, isScaled } = request;
  const { warmupSteps: alone = 0, rate = DEFAULT_RATE } = initialize;
  const rateOf = (spec: ParameterSpec): Rate => {
    const { name } = spec;
    const isTeachers = started.fromTeacher.has(name);
    const power = isTeachers ? sizePower(spec, started.weights.get(name)!) : 0;
    if (isCrossAttention(name)) return { factor: 2 ** power, waits: false };
    if (isScaled && name === LAST_NORM_WEIGHT) return { factor: 1, waits: false };
    return { factor: isTeachers ? rate * 2 ** power : 1, waits: true };
  };
  const groups = new Map<string, Rate>();
  const groupOf = new Map<string, string>();
  for (const spec of parameterSpecs(config)) {
    const own = rateOf(spec);
    if (own.factor === 1 && !(own.waits && alone > 0)) continue;
    const group = `${own.waits ? "later" : "atOnce"}${own.factor}`;
    groups.set(group, own);
    groupOf.set(spec.name, group);
  }
  const share = (step: number): number =>
    alone === 0 ? 1 : Math.min(1, Math.max(0, step - alone) / Math.max(1, rise));
  return {
    groupOf: (name) => groupOf.get(name),
    factorAt: (group, step) => {
      const { factor, waits } = groups.get(group)!;
      return waits ? factor * share(step) : factor;
    },
  };
}

interface Rate {
  readonly factor: number;
  /** Whether the weights are frozen while only cross-attention learns. */
  readonly waits: boolean;
}

/** Whether it is cross-attention, which a decoder-only teacher lacks. */
const isCrossAttention = (name: string): boolean => name.includes(".crossAttention");

/**
 * Size of a weight compared with a random weight of its shape: the rounded binary logarithm of the ratio of their root mean squares, clamped to
 * [-4, 4]. 0 for weights that start at zero (biases).
 */
export function sizePower({ initialization }: ParameterSpec, { data }: HostTensor): number {
  const random = randomSize(initialization);
  const values = data as Float32Array;
  const size = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / Math.max(1, values.length));
  if (random === 0 || size === 0) return 0;
  return Math.max(-LARGEST_POWER, Math.min(LARGEST_POWER, Math.round(Math.log2(size / random))));
}

/** Root mean square of a parameter's random initialization; 0 if it starts at zero or is not random. */
function randomSize(initialization: ParameterSpec["initialization"]): number {
  if (initialization.kind === "normal") return initialization.std;
  return initialization.kind === "ones" ? 1 : 0;
}
