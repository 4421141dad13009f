/** Which optimizer updates which chunk of weights, and the scalars of a step. */
import { math, type Tensor } from "@slm/tensor";
import { adamScalars, adamw } from "./adamw.js";
import { muon } from "./muon.js";
import type { OptimizerRule, OptimizerSettings } from "./optimizer-rule.js";
import { decays, type Chunk } from "../parameters/parameter-layout.js";
import type { EarlyStop } from "./early-stop.js";
import { learningRateAt } from "./schedule.js";
import { OPTIMIZER, type TrainingSettings } from "../training-config.js";

/** Scalars that the host computes in every step and feeds to the program. */
export const STEP_SCALARS = [
  "rate",
  "stepSize",
  "denominatorEpsilon",
  "decay",
  "maxGradNorm",
  "averageKeep",
] as const;
type StepScalarName = (typeof STEP_SCALARS)[number];

/** The optimizer of the layers' matrices; AdamW updates everything else. */
const LAYER_RULES: { readonly [O in TrainingSettings["optimizer"]]: OptimizerRule } = { adamw, muon };

export const ruleOf = ({ kind }: Chunk, { optimizer }: OptimizerSettings): OptimizerRule =>
  kind === "layers" ? LAYER_RULES[optimizer] : adamw;

/** What else the scalars of a step depend on. */
export interface StepTiming {
  /** Factor on the schedule's learning rate. Default: 1. */
  readonly factor?: number | undefined;
  /** Number of weight updates including this one: fewer than steps if some were skipped. Default: the step. */
  readonly updates?: number | undefined;
  /** The decision to stop early. Default: none. */
  readonly stop?: EarlyStop | undefined;
}

/** The scalars of a step, counted from 1. */
export function stepScalars(
  step: number,
  settings: TrainingSettings,
  { factor = 1, updates = step, stop }: StepTiming = {},
): Record<StepScalarName, number> {
  const rate = factor * learningRateAt(step, settings, stop);
  return {
    rate,
    ...adamScalars(updates, rate),
    decay: 1 - rate * settings.weightDecay,
    maxGradNorm: OPTIMIZER.maxGradNorm,
    averageKeep: averageKeep(step, settings.emaDecay),
  };
}

/** EMA warm-up: averages over about step / 10 steps, until the decay is reached. */
const averageKeep = (step: number, decay: number): number => Math.min(decay, (1 + step) / (10 + step));

/** The weights after decoupled decay. */
export const decayed = (chunk: Chunk, value: Tensor, decay: Tensor): Tensor =>
  decays(chunk) ? math.mul(value, decay) : value;
