/** Rounding methods of weights with 4 or 2 bits, by their names in recipes and flags. */
import type { BlockMethod } from "@slm/devices";

/** One row per method. `needsCalibration`: needs the activations of real data. `rtn` rounds with onnxruntime's formulas. */
export const blockMethods = {
  rtn: {
    grid: "round",
    needsCalibration: false,
    description: "round to nearest, with the full range of each block",
  },
  search: {
    grid: "search",
    needsCalibration: false,
    description: "the scale and zero point with the smallest squared error",
  },
  gptq: {
    grid: "search",
    needsCalibration: true,
    description: "error feedback to later inputs, weighted by calibration data",
  },
} as const satisfies Readonly<
  Record<
    BlockMethod,
    {
      readonly grid: "round" | "search";
      readonly needsCalibration: boolean;
      readonly description: string;
    }
  >
>;
