/** What model.json says about where the graphs of a directory run. */
import { DEVICE_MODEL_FILE, readDeviceModel, type DeviceModel } from "@slm/exported-model";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Undefined for a file and for graphs of other programs. @throws SlmError DATA_INVALID */
export async function exportedTarget(
  path: string,
): Promise<Pick<DeviceModel, "target" | "profile"> | undefined> {
  return existsSync(join(path, DEVICE_MODEL_FILE)) ? readDeviceModel(path) : undefined;
}
