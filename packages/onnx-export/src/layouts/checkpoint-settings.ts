/** Reads the settings of a checkpoint directory that exports keep. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJsonFile } from "@slm/core";
import { GENERATION_FILE, parseGenerationSettings } from "@slm/generation";
import { ROW_SETTINGS_FILE, type DeviceModel } from "@slm/exported-model";
import { z } from "zod";

/** How the model's recipe read rows; undefined if the checkpoint does not say. */
export async function rowSettingsOf(checkpointDirectory: string): Promise<DeviceModel["rows"]> {
  const file = join(checkpointDirectory, ROW_SETTINGS_FILE);
  return existsSync(file) ? readJsonFile(file, z.record(z.string(), z.unknown())) : undefined;
}

/** Reads the model's generation settings. @throws SlmError CONFIG_INVALID for unsupported ones */
export async function generationOf(checkpointDirectory: string): Promise<DeviceModel["generation"]> {
  const file = join(checkpointDirectory, GENERATION_FILE);
  if (!existsSync(file)) return undefined;
  const settings = await readJsonFile(file, z.record(z.string(), z.unknown()));
  parseGenerationSettings(settings, file);
  return settings;
}
