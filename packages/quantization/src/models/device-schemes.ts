/** Checks that a model's device supports a scheme. */
import { SlmError } from "@slm/core";
import { deviceOf, type SchemeName } from "@slm/devices";
import type { DeviceModel } from "@slm/exported-model";

/** @throws SlmError OP_UNSUPPORTED if the model's device does not support the scheme */
export function checkDeviceScheme(
  { target, profile }: Pick<DeviceModel, "target" | "profile">,
  scheme: SchemeName,
  directory: string,
): void {
  const device = deviceOf("quantize", target, profile);
  const { takes, default: usual, reason } = device.schemes;
  if (takes.includes(scheme)) return;
  const names = [...takes].sort((a, b) => Number(b === usual) - Number(a === usual));
  throw new SlmError(
    "OP_UNSUPPORTED",
    `quantize: ${directory} was exported for target '${target}', profile '${device.profile}', which does not support scheme ` +
      `'${scheme}': ${reason}`,
    {
      suggestions:
        names.length > 0
          ? names.map((name) => `--scheme ${name}`)
          : [`slm export CHECKPOINT --target ${target} --profile ${device.profile} --precision float16`],
    },
  );
}
