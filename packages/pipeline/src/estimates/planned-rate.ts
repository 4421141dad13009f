/** The rate of products on a device that a run is planned for, and was measured elsewhere. */
import { SlmError } from "@slm/core/errors";
import type { Precision } from "@slm/tensor";
import type { MeasuredDevice } from "../compute/device-rates.js";

/** @throws SlmError CONFIG_INVALID for a number format in which the device was not measured */
export function rateOf({ name, products }: MeasuredDevice, precision: Precision): number {
  const found = products[precision];
  if (found !== undefined) return found;
  throw new SlmError(
    "CONFIG_INVALID",
    `mixedPrecision: expected a number format in which '${name}' was measured (${Object.keys(products).join(", ")}), got ${precision}`,
    { suggestions: [`slm doctor --measure ${name}   # where the device is`, "mixedPrecision: float32"] },
  );
}

/** How a figure at such a rate came to be. @param share of the rate, which was measured on CPUs */
export const plannedBasis = (
  { name, description, simulated, measured }: MeasuredDevice,
  precision: Precision,
  share: number,
): string =>
  `at ${share} (the share that steps on CPUs reach) of the rate of ${precision} products that was measured on ${measured} on ${name}: ` +
  `${description}${simulated ? ", software in place of a device" : ""}`;
