/** The interface of an optimizer: the moments it keeps, and the update of one chunk of weights. */
import { math, type Tensor } from "@slm/tensor";
import { adamScalars, adamw } from "./adamw.js";
import { muon } from "./muon.js";
import { decays, type Chunk } from "./parameter-layout.js";
import { learningRateAt } from "./schedule.js";
import type { TrainingSettings } from "./training-config.js";

type Moment = "first" | "second";

/** Scalars computed on the host in every step and fed to the program. */
export const STEP_SCALARS = [
  "rate",
  "stepSize",
  "denominatorEpsilon",
  "decay",
  "maxGradNorm",
  "averageKeep",
] as const;
export type StepScalarName = (typeof STEP_SCALARS)[number];

export interface UpdateContext {
  readonly chunk: Chunk;
  /** Flat, as long as the chunk. */
  readonly state: Readonly<Record<Moment, Tensor | undefined>>;
  readonly gradient: Tensor;
  /** Squared elements of the gradient, reused from the norm. */
  readonly square: Tensor;
  /** The weights after decay, from which the update is taken. */
  readonly kept: Tensor;
  readonly scalars: {
    readonly rate: Tensor;
    readonly stepSize: Tensor;
    readonly denominatorEpsilon: Tensor;
    /** Factor on the gradient, from clipping. */
    readonly clip: Tensor;
  };
  readonly settings: OptimizerSettings;
}

export type OptimizerSettings = Pick<TrainingSettings, "optimizer" | "beta1" | "beta2" | "momentum">;

export interface OptimizerRule {
  readonly moments: readonly Moment[];
  readonly update: (context: UpdateContext) => Readonly<Partial<Record<Moment, Tensor>> & { value: Tensor }>;
}

/** The optimizer of the layers' matrices; AdamW updates everything else. */
const LAYER_RULES: { readonly [O in TrainingSettings["optimizer"]]: OptimizerRule } = { adamw, muon };

export const ruleOf = (
  { kind }: Chunk,
  { optimizer }: Pick<OptimizerSettings, "optimizer">,
): OptimizerRule => (kind === "layers" ? LAYER_RULES[optimizer] : adamw);

/** The scalars of a step, counted from 1. */
export function stepScalars(step: number, settings: TrainingSettings): Record<StepScalarName, number> {
  const rate = learningRateAt(step, settings);
  return {
    rate,
    ...adamScalars(step, rate, settings),
    decay: 1 - rate * settings.weightDecay,
    maxGradNorm: settings.maxGradNorm,
    averageKeep: averageKeep(step, settings.emaDecay),
  };
}

/** EMA warm-up: an average over about step / 10 steps, until the decay is reached. */
const averageKeep = (step: number, decay: number): number => Math.min(decay, (1 + step) / (10 + step));

/** The weights after decoupled decay. */
export const decayed = (chunk: Chunk, value: Tensor, decay: Tensor): Tensor =>
  decays(chunk) ? math.mul(value, decay) : value;
