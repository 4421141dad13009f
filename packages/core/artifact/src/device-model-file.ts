/** Reads and writes `model.json`. */
import { join } from "node:path";
import { DEVICE_MODEL_FILE, deviceModelSchema, type DeviceModel } from "./device-model.js";
import { readJsonFile } from "./read-json.js";
import { writeJsonAtomic } from "./atomic-write.js";

/** Reads the description of the model in a directory. @throws SlmError INPUT_MISSING, DATA_INVALID */
export async function readDeviceModel(directory: string): Promise<DeviceModel> {
  return readJsonFile(join(directory, DEVICE_MODEL_FILE), deviceModelSchema, {
    suggestions: ["slm export CHECKPOINT"],
  });
}

/** Writes the description of a model into its directory. @throws SlmError OUTPUT_FAILED */
export async function writeDeviceModel(directory: string, model: DeviceModel): Promise<void> {
  await writeJsonAtomic(join(directory, DEVICE_MODEL_FILE), deviceModelSchema.parse(model));
}
