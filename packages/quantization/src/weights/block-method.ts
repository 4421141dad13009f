/** Rounding methods of 4-bit weights, by their names in recipes and flags. */

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
  gptq: {
    grid: "search",
    needsCalibration: true,
    description: "error feedback to later inputs, weighted by calibration data",
  },
} as const satisfies Readonly<
  Record<
    string,
    {
      readonly grid: "round" | "search";
      readonly needsCalibration: boolean;
      readonly description: string;
    }
  >
>;

export type BlockMethod = keyof typeof blockMethods;

export const BLOCK_METHODS = ["rtn", "search", "gptq"] as const satisfies readonly BlockMethod[];
