/** The portable form of a quantized model: the int8 form of the export. */
import { copyFile } from "node:fs/promises";
import { removePath, resolveInside, writeFailure } from "@slm/core";
import type { SchemeName } from "@slm/devices";
import { readDeviceModel, writeDeviceModel, type DeviceModel } from "@slm/exported-model";

/**
 * Schemes whose users get the int8 form: the default of the CPU, and 8-bit weights. The others are chosen for fewer bytes or for the arithmetic of
 * an NPU, which only their graphs have.
 */
const WITH_PORTABLE: ReadonlySet<SchemeName> = new Set(["cpu", "int8-dynamic", "int8-block"]);

/** The form of a quantized model. Copies the int8 form of the export, whose weights need no calibration. */
export async function keepPortable(
  { portable }: DeviceModel,
  scheme: SchemeName,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<Pick<DeviceModel, "portable" | "noPortable">> {
  if (portable === undefined) return {};
  if (!WITH_PORTABLE.has(scheme))
    return { portable: undefined, noPortable: `a portable form does not have the arithmetic of ${scheme}` };
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
  if (model.portable === undefined) return;
  await writeDeviceModel(directory, { ...model, portable: undefined, noPortable: reason });
  for (const { file } of model.portable) await removePath(resolveInside(directory, file));
}
