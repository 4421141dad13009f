/** The portable form of a quantized model: the int8 form of the export, whose weights need no calibration. */
import { copyFile } from "node:fs/promises";
import { resolveInside, SlmError, writeFailure } from "@slm/core";
import { deviceOf, type SchemeName } from "@slm/devices";
import type { DeviceModel, PortableForm } from "@slm/exported-model";

/**
 * The scheme of a model if none is requested: the portable form if the export has one, which it has only where that form is the fastest;
 * otherwise the default of the device.
 */
export const usualScheme = ({
  target,
  profile,
  portable,
}: Pick<DeviceModel, "target" | "profile" | "portable">): SchemeName | null =>
  portable === undefined ? deviceOf("quantize", target, profile).schemes.default : "int8";

/** Copies the int8 form of an export. @throws SlmError OP_UNSUPPORTED if there is none; OUTPUT_FAILED */
export async function copyPortable(
  { name, portable = [], noPortable = "the export has no portable form" }: DeviceModel,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<PortableForm> {
  const form = portable.find(({ weights }) => weights === "int8");
  if (form === undefined)
    throw new SlmError("OP_UNSUPPORTED", `quantize: ${name} cannot have scheme int8: ${noPortable}`, {
      suggestions: ["--scheme cpu"],
    });
  const path = resolveInside(to, form.file);
  await copyFile(resolveInside(from, form.file), path).catch((error: unknown) => {
    throw writeFailure(error, path, "the original model is unchanged");
  });
  return form;
}
