/** Rounding methods of 4-bit weights, by their names in recipes and flags. */
import { SlmError } from "@slm/core";

/**
 * One row per method. `needsCalibration`: cannot choose codes without the activations of real data. `round` is what
 * `rtn` stands for in the literature, with onnxruntime's formulas.
 */
export const blockMethods = {
  rtn: {
    grid: "round",
    needsCalibration: false,
    description: "round to nearest, with the full range of each block",
  },
  search: {
    grid: "search",
    needsCalibration: false,
    description: "the scale and zero point of least squared error",
  },
  hqq: {
    grid: "hqq",
    needsCalibration: false,
    description: "half-quadratic quantization: outliers count less",
  },
  gptq: {
    grid: "search",
    needsCalibration: true,
    description: "error feedback to later inputs, weighted by calibration data",
  },
} as const satisfies Readonly<
  Record<
    string,
    {
      readonly grid: "round" | "search" | "hqq";
      readonly needsCalibration: boolean;
      readonly description: string;
    }
  >
>;

export type BlockMethod = keyof typeof blockMethods;

export const BLOCK_METHODS = ["rtn", "search", "hqq", "gptq"] as const satisfies readonly BlockMethod[];

/** @throws SlmError CONFIG_INVALID where a method cannot do without zero points */
export function checkMethod(method: BlockMethod, symmetric: boolean): void {
  if (method !== "hqq" || !symmetric) return;
  throw new SlmError(
    "CONFIG_INVALID",
    "quantize: method hqq chooses zero points, which symmetric weights do not have",
    {
      suggestions: ["leave symmetric out", "use method search"],
    },
  );
}
