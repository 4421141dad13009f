/** Reads and writes `model.json`. */
import { join } from "node:path";
import { SlmError, readJsonFile, writeJsonAtomic } from "@slm/core";
import { isProfileOf, profilesOf } from "@slm/devices";
import { checkPatchReading } from "@slm/vision";
import { DEVICE_MODEL_FILE, deviceModelSchema, type DeviceModel } from "./device-model.js";

/** Reads the description of the model in a directory. @throws SlmError INPUT_MISSING, DATA_INVALID, CONFIG_INVALID */
export async function readDeviceModel(directory: string): Promise<DeviceModel> {
  const file = join(directory, DEVICE_MODEL_FILE);
  const model = await readJsonFile(file, deviceModelSchema, { suggestions: ["slm export CHECKPOINT"] });
  checkDevice(model, file);
  if (model.graphs.decoder === undefined && model.portable === undefined)
    throw new SlmError("DATA_INVALID", `${file}: expected 'graphs.decoder' or 'portable', got neither`);
  checkSight(model, file);
  return model;
}

/** Checks that the target has the profile. */
function checkDevice({ target, profile }: DeviceModel, file: string): void {
  if (profile === undefined || isProfileOf(target, profile)) return;
  throw new SlmError(
    "DATA_INVALID",
    `${file}: target '${target}' has no profile '${profile}'; its profiles are ${profilesOf(target).join(", ")}`,
  );
}

/** Checks of a vision-language model that the schema cannot express. */
function checkSight({ vision, graphs, architecture, maxSource }: DeviceModel, file: string): void {
  const reject = (problem: string): SlmError => new SlmError("DATA_INVALID", `${file}: ${problem}`);
  if ((vision === undefined) !== (graphs.vision === undefined))
    throw reject("'vision' and 'graphs.vision' must both be present or both be absent");
  if (vision === undefined) return;
  if (architecture !== "encoder-decoder") throw reject(`a ${architecture} model cannot have 'vision'`);
  checkPatchReading(vision, `${file}: vision`);
  if (vision.tokens >= maxSource)
    throw reject(
      `an image has ${vision.tokens} tokens, which leaves no room for text with maxSource ${maxSource}`,
    );
}

/** Writes the description of a model into its directory. @throws SlmError OUTPUT_FAILED */
export async function writeDeviceModel(directory: string, model: DeviceModel): Promise<void> {
  await writeJsonAtomic(join(directory, DEVICE_MODEL_FILE), deviceModelSchema.parse(model));
}
