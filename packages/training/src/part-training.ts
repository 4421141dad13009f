/** How the parts of a model are trained: every weight, low-rank adapters, or not at all. */
import { SlmError } from "@slm/core";
import {
  loraSpecs,
  MODEL_PARTS,
  parameterSpecs,
  partOf,
  type ModelConfig,
  type ModelPart,
  type ParameterSpec,
} from "@slm/model";
import { z } from "zod";
import type { LoraSettings } from "./training-config.js";

export const PART_TRAINING = ["full", "lora", "frozen"] as const;
type How = (typeof PART_TRAINING)[number];
export type PartTraining = Readonly<Record<ModelPart, How>>;

export const FULL_TRAINING: PartTraining = { text: "full", tower: "full", projector: "full" };

const how = (of: string): z.ZodOptional<z.ZodEnum<{ [H in How]: H }>> =>
  z.enum(PART_TRAINING).optional().describe(`${of} Default: lora where \`lora\` is set, else full.`);

/** Read from the `parts` of a section that trains a model. */
export const partTraining = z.strictObject({
  text: how("Encoder and decoder."),
  tower: how("What reads patches."),
  projector: how("What makes tokens of the tower's."),
});

export interface PartSettings {
  readonly lora?: LoraSettings | undefined;
  readonly parts?: z.infer<typeof partTraining> | undefined;
}

export interface ResolvedParts {
  readonly parts: PartTraining;
  /** Adapters of the parts that are trained by them. */
  readonly adapters: readonly ParameterSpec[];
}

/**
 * How each part of a model is trained.
 *
 * @throws SlmError CONFIG_INVALID for a part that the model has not, adapters that are asked for and not described or the other
 * way round, a target that ends no linear's name or a part that no target is in, and where nothing is trained.
 */
export function resolveParts(
  config: ModelConfig,
  { lora, parts = {} }: PartSettings,
  where: string,
): ResolvedParts {
  const refuse = (reason: string): SlmError => new SlmError("CONFIG_INVALID", `${where}: ${reason}`);
  const present = new Set(parameterSpecs(config).map(({ name }) => partOf(name)));
  const absent = MODEL_PARTS.find((part) => parts[part] !== undefined && !present.has(part));
  if (absent !== undefined) throw refuse(`parts.${absent} is set, but the model has no ${absent}`);
  const wayOf = (part: ModelPart): How => parts[part] ?? (lora === undefined ? "full" : "lora");
  const resolved: PartTraining = {
    text: wayOf("text"),
    tower: wayOf("tower"),
    projector: wayOf("projector"),
  };
  const isUsed = [...present].some((part) => resolved[part] === "lora");
  if (isUsed && lora === undefined) throw refuse("a part is trained by lora, but lora is not set");
  if (!isUsed && lora !== undefined) throw refuse("lora is set, but no part is trained by it");
  if ([...present].every((part) => resolved[part] === "frozen"))
    throw refuse("every part is frozen: nothing would be trained");
  const adapters =
    lora === undefined ? [] : loraSpecs(config, lora).filter(({ name }) => resolved[partOf(name)] === "lora");
  const adapted = new Set(adapters.map(({ name }) => partOf(name)));
  const missed = MODEL_PARTS.find((part) => parts[part] === "lora" && !adapted.has(part));
  if (missed !== undefined)
    throw refuse(`parts.${missed} is lora, but none of lora.targets is in the ${missed}`);
  return { parts: resolved, adapters };
}
