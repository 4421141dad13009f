/** The `distill.quantize` section: quantization-aware training as the last phase of a distillation. */
import type { WEIGHT_SCHEMES } from "@slm/devices";
import { z } from "zod";

/** Schemes whose rounding training knows. */
const TRAINED_SCHEMES = [
  "cpu",
  "int4-block",
  "int2-block",
] as const satisfies readonly (keyof typeof WEIGHT_SCHEMES)[];
export type TrainedScheme = (typeof TRAINED_SCHEMES)[number];

export const quantizedTraining = z.strictObject({
  scheme: z
    .enum(TRAINED_SCHEMES)
    .describe(
      "Round the weights as this quantization scheme does. Quantizing the student with it then loses nothing.",
    ),
  steps: z.int().positive().describe("Optimizer steps of this phase."),
});
