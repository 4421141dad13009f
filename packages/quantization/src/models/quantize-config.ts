import { SCHEME_NAMES } from "@slm/devices";
import { z } from "zod";

/** No default, because the right metric depends on the task. */
function missingMetric({ input }: { readonly input?: unknown }): string | undefined {
  return input === undefined ? "expected at least one metric, such as [exactMatch], got none" : undefined;
}

/** How to quantize an exported model. Read from the `quantize:` section of a recipe. */
export const quantizeConfig = z.strictObject({
  schemes: z
    .array(z.enum(SCHEME_NAMES))
    .min(1)
    .refine((names) => new Set(names).size === names.length, "list each scheme only once")
    .optional()
    .describe(
      "Quantization schemes. The first is deployed; the others are only measured. Default: int8 if the export has a portable form, otherwise the default of the device.",
    ),
  gate: z
    .strictObject({
      metric: z
        .string({ error: missingMetric })
        .min(1)
        .describe("Metric of the gate. In a recipe: the first of metrics."),
      maxDrop: z
        .number()
        .nonnegative()
        .default(0.01)
        .describe("Largest allowed loss against float32 [unit of the metric; 0.01 = one percentage point]."),
      limit: z
        .number()
        .optional()
        .describe(
          "Value that the quantized model must reach: the lowest accepted, such as 0.8 for exactMatch, or for error rates the highest, such as 0.3 for wer " +
            "[unit of the metric]. Default: none.",
        ),
    })
    // A gate without settings needs only the metric, which recipes fill in.
    .prefault({} as { metric: string })
    .describe("Limit of the quality loss. A quantized model that exceeds it is not deployed."),
});
