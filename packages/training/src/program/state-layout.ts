/** The tensors that a training run keeps on the device: program inputs, and the outputs that overwrite them. */
import { parameterSpecs, type ModelConfig, type ParameterSpec } from "@slm/model";
import { FULL_TRAINING, type ModuleTraining } from "../parameters/module-training.js";
import { ruleOf } from "../optimizer/optimizer.js";
import type { OptimizerSettings } from "../optimizer/optimizer-rule.js";
import { chunksOf, planChunks, valueInput, type Chunk } from "../parameters/parameter-layout.js";
import type { RateGroups } from "../optimizer/rate-groups.js";
import type { TrainingSettings } from "../training-config.js";

/** Weights, moments, moving average of the weights, and accumulated gradients. */
export type StatePart = "value" | "first" | "second" | "average" | "gradient";

/** Chunks of a run: those of the model, trained ones, and frozen ones. */
export interface ChunkPlan {
  /** The model's weights, whether trained or not. */
  readonly model: readonly Chunk[];
  readonly trained: readonly Chunk[];
  readonly frozen: readonly Chunk[];
}

/** Trained tensors outside the model: adapters, and an objective's auxiliary parameters. */
export interface ExtraParameters {
  readonly adapters: readonly ParameterSpec[];
  readonly auxiliary: readonly ParameterSpec[];
}

const NOTHING_EXTRA: ExtraParameters = { adapters: [], auxiliary: [] };

/** Chunks of a run: the fully trained modules, and additional tensors. */
export function planRun(
  config: ModelConfig,
  { adapters, auxiliary }: ExtraParameters = NOTHING_EXTRA,
  parts: ModuleTraining = FULL_TRAINING,
  groups?: RateGroups,
): ChunkPlan {
  const groupOf = groups?.groupOf;
  const model = planChunks(config, groupOf);
  const extra = chunksOf([...adapters, ...auxiliary], { prefix: "extra.", groupOf });
  const isTrained = ({ part }: Chunk): boolean => parts[part] === "full";
  return {
    model,
    trained: [...model.filter(isTrained), ...extra],
    frozen: model.filter((chunk) => !isTrained(chunk)),
  };
}

/** Every parameter of a run with its starting values. */
export const runSpecs = (config: ModelConfig, { adapters, auxiliary }: ExtraParameters): ParameterSpec[] => [
  ...parameterSpecs(config),
  ...adapters,
  ...auxiliary,
];

export type StateSettings = OptimizerSettings &
  Pick<TrainingSettings, "emaDecay" | "gradientAccumulationSteps">;

/** The state tensors of a trained chunk. */
export function partsOf(chunk: Chunk, settings: StateSettings): readonly StatePart[] {
  return [
    "value",
    ...ruleOf(chunk, settings).moments,
    ...(settings.emaDecay > 0 ? (["average"] as const) : []),
    ...(settings.gradientAccumulationSteps > 1 ? (["gradient"] as const) : []),
  ];
}

export const stateInput = (chunk: Chunk, part: StatePart): string =>
  part === "value" ? valueInput(chunk) : `state.${chunk.name}.${part}`;

/** Program output that overwrites {@link stateInput}. */
export const stateOutput = (chunk: Chunk, part: StatePart): string => `next.${chunk.name}.${part}`;
