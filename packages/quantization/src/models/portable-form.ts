/** The portable form of a quantized model: the int8 form of the export, whatever the scheme of the graphs. */
import { copyFile } from "node:fs/promises";
import { removePath, resolveInside, writeFailure } from "@slm/core";
import { readDeviceModel, writeDeviceModel, type DeviceModel } from "@slm/exported-model";

/** Copies the int8 form. Its weights need no calibration. */
export async function keepPortable(
  { portable }: DeviceModel,
  from: string,
  to: string,
): Promise<Pick<DeviceModel, "portable" | "noPortable">> {
  if (portable === undefined) return {};
  const form = portable.find(({ weights }) => weights === "int8");
  if (form === undefined) return { portable: undefined, noPortable: "the export has no int8 form" };
  const path = resolveInside(to, form.file);
  await copyFile(resolveInside(from, form.file), path).catch((error: unknown) => {
    throw writeFailure(error, path, "the original model is unchanged");
  });
  return { portable: [form] };
}

/**
 * Removes the portable form of a model, which then runs its graphs only.
 *
 * @param reason why it has none, for people; `slm info` prints it
 */
export async function dropPortable(directory: string, reason: string): Promise<void> {
  const model = await readDeviceModel(directory);
  await writeDeviceModel(directory, { ...model, portable: undefined, noPortable: reason });
  for (const { file } of model.portable ?? []) await removePath(resolveInside(directory, file));
}
