/** The measured rate of matrix products on the device that a run is planned for. */
import { SlmError } from "@slm/core/errors";
import type { Precision } from "@slm/tensor";
import type { MeasuredDevice } from "../compute/device-rates.js";

/** @throws SlmError CONFIG_INVALID if the device was not measured in the number format */
export function rateOf({ name, products }: MeasuredDevice, precision: Precision): number {
  const found = products[precision];
  if (found !== undefined) return found;
  throw new SlmError(
    "CONFIG_INVALID",
    `mixedPrecision: expected a number format in which '${name}' was measured (${Object.keys(products).join(", ")}), got ${precision}`,
    {
      suggestions: [
        `slm doctor --measure ${name}   # on the machine with the device`,
        "mixedPrecision: float32",
      ],
    },
  );
}

/** Explains how a figure was estimated from such a rate. @param share the fraction of the rate that a step reaches, measured on CPUs */
export const plannedBasis = (
  { name, description, simulated, measured }: MeasuredDevice,
  precision: Precision,
  share: number,
): string =>
  `at ${share} (the part that steps on CPUs reach) of the rate of ${precision} products measured on ${measured} on ${name}: ` +
  `${description}${simulated ? ", simulated in software" : ""}`;
