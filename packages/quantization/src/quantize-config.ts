import { SCHEME_NAMES } from "@slm/devices/table";
import { z } from "zod";
import { CALIBRATION_METHODS } from "./calibration/calibrate.js";
import { WEIGHT_FORMATS } from "./rewrite/weight-format.js";
import { BLOCK_SIZES } from "./weights/block-format.js";
import { BLOCK_METHODS } from "./weights/block-method.js";

/** No default: which metric tells a good answer is the task's affair. */
function missingMetric({ input }: { readonly input?: unknown }): string | undefined {
  return input === undefined
    ? "expected the metric that decides, got none: gate: { metric: exactMatch }, say"
    : undefined;
}

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
    .optional()
    .describe("Block formats: weights that share one scale [elements along the input axis]. Default: 32."),
  method: z
    .enum(BLOCK_METHODS)
    .optional()
    .describe(
      "4-bit weights: how codes are chosen; rtn is onnxruntime's plain rounding. Default: gptq, learning from the training rows; search for models of more than some ten million parameters.",
    ),
  symmetric: z.boolean().default(false).describe("Block formats: no zero points."),
  embedding: z
    .enum(WEIGHT_FORMATS)
    .optional()
    .describe(
      "Format of the embedding, and of the output head that shares its table. Default: the scheme's, but 8 bits where that has 4.",
    ),
  reduceRange: z
    .union([z.boolean(), z.enum(["auto", "this-cpu"])])
    .default("auto")
    .describe(
      "int8 weights in 7 bits, which are right on every CPU and in every program: x86 CPUs without VNNI add products in 16 bits, where those of 8 bits saturate. auto: yes, except for target npu; this-cpu: only where the CPU that quantizes needs it.",
    ),
  calibration: z
    .strictObject({
      rows: z
        .int()
        .positive()
        .optional()
        .describe("Training rows that calibrate, spread over all [rows]. Default: 1024, with images 256."),
      method: z
        .enum(CALIBRATION_METHODS)
        .default("minmax")
        .describe("Static schemes: how ranges of activations follow from what was seen."),
      percentile: z
        .number()
        .gt(0)
        .max(100)
        .default(99.999)
        .describe("percentile: share of numbers kept [percent]."),
      smooth: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .describe(
          "Moves the peaks of activations into the weights behind a norm: 0 none, 1 all of it. Default: off.",
        ),
    })
    .prefault({})
    .describe("Real data for static schemes, for method gptq and for smoothing."),
  gate: z
    .strictObject(
      {
        metric: z
          .string({ error: missingMetric })
          .min(1)
          .describe("Metric that decides. In a recipe, default: the first of distill.metrics."),
        maxDrop: z
          .number()
          .nonnegative()
          .default(0.01)
          .describe(
            "How much worse than float32 it may be [unit of the metric; 0.01 = one percentage point].",
          ),
      },
      { error: missingMetric },
    )
    .describe("A quantized model that is worse than this is not deployed."),
});
