/** How the modules of a model are trained: all weights, low-rank adapters, or not at all. */
import { SlmError } from "@slm/core";
import {
  loraSpecs,
  MODEL_MODULES,
  parameterSpecs,
  moduleOf,
  type ModelConfig,
  type ModelModule,
  type ParameterSpec,
} from "@slm/model";
import { z } from "zod";

type How = "full" | "lora" | "frozen";
export type ModuleTraining = Readonly<Record<ModelModule, How>>;

export const FULL_TRAINING: ModuleTraining = {
  text: "full",
  tower: "full",
  projector: "full",
};

/** Read from the `frozen` of a section that trains a model. */
export const frozenModules = z.array(z.enum(MODEL_MODULES));

export interface ModuleSettings {
  /** Rank of adapters. Default: all weights are trained. */
  readonly lora?: number | undefined;
  readonly frozen?: readonly ModelModule[] | undefined;
}

export interface ResolvedModules {
  readonly modules: ModuleTraining;
  /** Adapters of the modules that are trained with LoRA. */
  readonly adapters: readonly ParameterSpec[];
}

/**
 * Determines how each module of a model is trained.
 *
 * @throws SlmError CONFIG_INVALID for a frozen module that the model lacks, and if nothing would be trained.
 */
export function resolveModules(
  config: ModelConfig,
  { lora, frozen = [] }: ModuleSettings,
  where: string,
): ResolvedModules {
  const reject = (reason: string): SlmError => new SlmError("CONFIG_INVALID", `${where}: ${reason}`);
  const present = new Set(parameterSpecs(config).map(({ name }) => moduleOf(name)));
  const absent = frozen.find((module) => !present.has(module));
  if (absent !== undefined) throw reject(`frozen has ${absent}, but the model has no ${absent}`);
  if ([...present].every((module) => frozen.includes(module)))
    throw reject("every module is frozen: nothing would be trained");
  const wayOf = (module: ModelModule): How =>
    frozen.includes(module) ? "frozen" : lora === undefined ? "full" : "lora";
  return {
    modules: { text: wayOf("text"), tower: wayOf("tower"), projector: wayOf("projector") },
    adapters:
      lora === undefined
        ? []
        : loraSpecs(config, lora).filter(({ name }) => !frozen.includes(moduleOf(name))),
  };
}
