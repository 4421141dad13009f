import { z } from "zod";
import { BLOCK_SIZES } from "./int4-blocks.js";
import { SCHEME_NAMES } from "./schemes.js";

/** How to shrink an exported model. Read from the `quantize:` section of a recipe. */
export const quantizeConfig = z.strictObject({
  schemes: z
    .array(z.enum(SCHEME_NAMES))
    .min(1)
    .refine((names) => new Set(names).size === names.length, "each scheme may be listed once")
    .default(["cpu"])
    .describe("Quantization schemes: the first is deployed, the others are measured beside it."),
  blockSize: z
    .literal(BLOCK_SIZES)
    .default(32)
    .describe("int4-block: weights that share one scale [elements along the input axis]."),
  reduceRange: z
    .boolean()
    .default(false)
    .describe(
      "int8-dynamic: 7-bit weights, for x86 processors without VNNI, whose 16-bit sums would saturate.",
    ),
  gate: z
    .strictObject({
      metric: z.string().min(1).default("wordError").describe("Metric that decides."),
      maxDrop: z
        .number()
        .nonnegative()
        .default(0.01)
        .describe("How much worse than float32 it may be [unit of the metric; 0.01 = one percentage point]."),
    })
    .prefault({})
    .describe("A quantized model that is worse than this is not deployed."),
});

export type QuantizeConfig = z.infer<typeof quantizeConfig>;
