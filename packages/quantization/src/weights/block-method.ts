/** The ways to choose codes, as the command line and recipes name them. */
import { SlmError } from "@slm/core";

/**
 * One row per method. `needsCalibration`: cannot choose codes without the activations of real data. `round` is what
 * `rtn` stands for in the literature, with onnxruntime's formulas.
 */
export const blockMethods = {
  rtn: {
    grid: "round",
    needsCalibration: false,
    description: "round to nearest, the range of each block as it is",
  },
  search: {
    grid: "search",
    needsCalibration: false,
    description: "the scale and zero point of least squared error",
  },
  hqq: { grid: "hqq", needsCalibration: false, description: "half-quadratic: outliers count less" },
  gptq: {
    grid: "search",
    needsCalibration: true,
    description: "errors carried over to later inputs, weighed by calibration data",
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
