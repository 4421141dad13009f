/** How fast which weights of a student learn that starts from its teacher. */
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

/** Rate of the teacher's weights, as a part of that of random weights of their size. Measured: docs/benchmarks/distillation.md. */
const DEFAULT_RATE = 0.25;
/** Largest power of two by which a rate differs for the size of weights, up and down. */
const LARGEST_POWER = 4;

export interface RelativeRatesRequest {
  readonly config: ModelConfig;
  readonly initialize: Pick<InitializeConfig, "rate" | "warmupSteps">;
  /** Steps over which the learning rate rises. */
  readonly warmupSteps: number;
  readonly started: StudentWeights;
  /** Whether the gain of the last norm was scaled. */
  readonly isScaled: boolean;
}

/**
 * Learning rates as factors on the schedule's rate.
 *
 * - The teacher's weights: {@link sizePower} as a power of two, times `initialize.rate`. An optimizer whose steps do not depend on the
 *   gradient's size (Muon, AdamW) would otherwise overwrite small weights in the steps in which large ones hardly move.
 * - Cross-attention, which no teacher has, and a last norm that was scaled: without `initialize.rate`, from the first step. The others
 *   wait for `initialize.warmupSteps` steps and then warm up.
 *
 * Source: steps relative to the size of the parameters, Shazeer and Stern 2018 (arXiv:1804.04235), section 8; here the size at the start.
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
  /** Whether the weights stay as they are while cross-attention learns alone. */
  readonly waits: boolean;
}

/** Cross-attention, which no decoder-only teacher has. */
const isCrossAttention = (name: string): boolean => name.includes(".crossAttention");

/**
 * How large a weight is beside a random one of its shape: the binary logarithm of the quotient of their root mean squares, rounded, between
 * -4 and 4. 0 for weights that begin with zeros (biases).
 */
export function sizePower({ initialization }: ParameterSpec, { data }: HostTensor): number {
  const random = randomSize(initialization);
  const values = data as Float32Array;
  const size = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / Math.max(1, values.length));
  if (random === 0 || size === 0) return 0;
  return Math.max(-LARGEST_POWER, Math.min(LARGEST_POWER, Math.round(Math.log2(size / random))));
}

/** Root mean square of a parameter's random values; 0 where it begins with zeros or is not random. */
function randomSize(initialization: ParameterSpec["initialization"]): number {
  if (initialization.kind === "normal") return initialization.std;
  return initialization.kind === "ones" ? 1 : 0;
}
