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
import type { LoraSettings } from "../training-config.js";

const MODULE_TRAINING = ["full", "lora", "frozen"] as const;
type How = (typeof MODULE_TRAINING)[number];
export type ModuleTraining = Readonly<Record<ModelModule, How>>;

export const FULL_TRAINING: ModuleTraining = {
  text: "full",
  tower: "full",
  projector: "full",
};

const how = (of: string): z.ZodOptional<z.ZodEnum<{ [H in How]: H }>> =>
  z.enum(MODULE_TRAINING).optional().describe(`${of} Default: lora if \`lora\` is set, otherwise full.`);

/** Read from the `modules` of a section that trains a model. */
export const moduleTraining = z.strictObject({
  text: how("Encoder and decoder."),
  tower: how("Vision tower, which encodes image patches."),
  projector: how("Projector from the tower's outputs to image tokens."),
});

export interface ModuleSettings {
  readonly lora?: LoraSettings | undefined;
  readonly modules?: Readonly<Partial<Record<ModelModule, How | undefined>>> | undefined;
}

export interface ResolvedModules {
  readonly modules: ModuleTraining;
  /** Adapters of the modules that are trained with LoRA. */
  readonly adapters: readonly ParameterSpec[];
}

/**
 * Determines how each module of a model is trained.
 *
 * @throws SlmError CONFIG_INVALID for a module that the model lacks, `lora` without settings or unused settings, a LoRA target that matches no
 * linear layer, a LoRA module without a target, and if nothing would be trained.
 */
export function resolveModules(
  config: ModelConfig,
  { lora, modules = {} }: ModuleSettings,
  where: string,
): ResolvedModules {
  const reject = (reason: string): SlmError => new SlmError("CONFIG_INVALID", `${where}: ${reason}`);
  const present = new Set(parameterSpecs(config).map(({ name }) => moduleOf(name)));
  const absent = MODEL_MODULES.find((module) => modules[module] !== undefined && !present.has(module));
  if (absent !== undefined) throw reject(`modules.${absent} is set, but the model has no ${absent}`);
  const wayOf = (module: ModelModule): How => modules[module] ?? (lora === undefined ? "full" : "lora");
  const resolved: ModuleTraining = {
    text: wayOf("text"),
    tower: wayOf("tower"),
    projector: wayOf("projector"),
  };
  const isUsed = [...present].some((module) => resolved[module] === "lora");
  if (isUsed && lora === undefined) throw reject("a module has the value lora, but lora is not set");
  if (!isUsed && lora !== undefined) throw reject("lora is set, but no module has the value lora");
  if ([...present].every((module) => resolved[module] === "frozen"))
    throw reject("every module is frozen: nothing would be trained");
  const adapters =
    lora === undefined
      ? []
      : loraSpecs(config, lora).filter(({ name }) => resolved[moduleOf(name)] === "lora");
  const adapted = new Set(adapters.map(({ name }) => moduleOf(name)));
  const missed = MODEL_MODULES.find((module) => modules[module] === "lora" && !adapted.has(module));
  if (missed !== undefined)
    throw reject(`modules.${missed} is lora, but none of lora.targets is in the ${missed}`);
  return { modules: resolved, adapters };
}
