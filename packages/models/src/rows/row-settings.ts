/** The settings for reading a file's rows for a model: those of the model's recipe, unless flags override them. */
import {
  fileSchema,
  settingsForFile,
  settingsToRemember,
  type FileSettings,
  type NeededSides,
} from "@slm/data";
import { readManifest, writeJsonAtomic } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { DEVICE_MODEL_FILE, readDeviceModel, ROW_SETTINGS_FILE } from "@slm/exported-model";
import { join } from "node:path";

export interface RowSettingsRequest {
  /** The file to read. */
  readonly file: string;
  /** Directory of an exported model. */
  readonly model: string;
  readonly needed: NeededSides;
  /** Settings from flags. They replace the model's settings. */
  readonly given?: FileSettings | undefined;
}

/** @throws SlmError INPUT_MISSING or DATA_INVALID for the model's description or the file */
export async function rowSettingsFor({
  file,
  model,
  needed,
  given = {},
}: RowSettingsRequest): Promise<FileSettings> {
  const { rows } = await readDeviceModel(model);
  const checked = fileSchema.safeParse(rows ?? {});
  if (!checked.success)
    throw new SlmError("DATA_INVALID", `${join(model, DEVICE_MODEL_FILE)}: rows: ${checked.error.message}`);
  const usual = await settingsForFile(
    file,
    { ...checked.data, format: given.format ?? checked.data.format },
    needed,
  );
  return { ...usual, ...given };
}

/**
 * Writes the recipe's settings for reading rows into a checkpoint's directory; writes nothing if the files need no settings.
 *
 * @param dataDirectory of the data stage
 */
export async function rememberRowSettings(directory: string, dataDirectory: string): Promise<void> {
  const settings = settingsToRemember((await readManifest(dataDirectory)).settings);
  if (settings !== undefined) await writeJsonAtomic(join(directory, ROW_SETTINGS_FILE), settings);
}
