/** What a checkpoint's directory says besides its weights and tokenizer, which exports keep. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJsonFile } from "@slm/core";
import { GENERATION_FILE, parseGenerationSettings } from "@slm/generation";
import { ROW_SETTINGS_FILE, type DeviceModel } from "@slm/exported-model";
import { z } from "zod";

/** How the model's recipe read rows, as the checkpoint's directory says; undefined where it says nothing. */
export async function rowSettingsOf(checkpointDirectory: string): Promise<DeviceModel["rows"]> {
  const file = join(checkpointDirectory, ROW_SETTINGS_FILE);
  return existsSync(file) ? readJsonFile(file, z.record(z.string(), z.unknown())) : undefined;
}

/** The model's generation settings, as the checkpoint's directory has them. @throws SlmError CONFIG_INVALID for what is unsupported */
export async function generationOf(checkpointDirectory: string): Promise<DeviceModel["generation"]> {
  const file = join(checkpointDirectory, GENERATION_FILE);
  if (!existsSync(file)) return undefined;
  const settings = await readJsonFile(file, z.record(z.string(), z.unknown()));
  parseGenerationSettings(settings, file);
  return settings;
}
