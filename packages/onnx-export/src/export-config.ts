import { z } from "zod";
import { PRECISIONS, PROFILE_NAMES, TARGETS, unknownProfile } from "@slm/devices/table";

/** How files are named and which inputs they have: slm's own runtimes, or Hugging Face's transformers.js. */
const EXPORT_LAYOUTS = ["native", "transformers.js"] as const;
export type ExportLayout = (typeof EXPORT_LAYOUTS)[number];

/** Longest source or window a static graph may have [tokens]: scores of one layer at this length are 16 GiB. */
const MAX_STATIC = 1 << 16;

/** How to lower a checkpoint. Read from the `export:` section of a recipe. */
export const exportConfig = z.strictObject({
  target: z.enum(TARGETS).default("cpu").describe("Device whose operators the graphs are made of."),
  profile: z
    .enum(PROFILE_NAMES, {
      error: ({ input }) => (typeof input === "string" ? unknownProfile(input) : undefined),
    })
    .optional()
    .describe("What runs the graphs on the target, as qnn or cuda. Default: the target's usual one."),
  precision: z.enum(PRECISIONS).default("float32").describe("Type of weights, activations and caches."),
  layout: z.enum(EXPORT_LAYOUTS).default("native").describe("Names of files, inputs and outputs."),
  buckets: z
    .array(z.int().positive().max(MAX_STATIC))
    .min(1)
    .default([64, 256, 1024])
    .describe(
      "Target npu: source lengths that graphs are made for; none longer than the model's own [tokens].",
    ),
  window: z
    .int()
    .min(2)
    .max(MAX_STATIC)
    .optional()
    .describe("Target npu: longest target, the BOS token included [tokens]. Default: the model's own."),
  shortlist: z
    .boolean()
    .default(false)
    .describe(
      "Whether the decoder knows only the tokens of training targets, and single characters: a smaller table and head, for " +
        "answers made of few words.",
    ),
  parityLimit: z
    .number()
    .positive()
    .optional()
    .describe(
      "Largest difference of a logit between the exported and the trained model that passes. " +
        "Default: 0.001 in float32, 0.1 in float16, 1 in bfloat16.",
    ),
});

export type ExportConfig = z.infer<typeof exportConfig>;

/** What graphs are made for; everything but the target has a default. */
export type ExportChoice = Pick<ExportConfig, "target"> & {
  readonly [Key in Exclude<keyof ExportConfig, "target" | "shortlist">]?: ExportConfig[Key] | undefined;
};

/** A choice with its defaults filled in; other keys of the object are left alone. */
export function chosenExport(choice: ExportChoice): Omit<ExportConfig, "shortlist"> {
  const { target, profile, precision, layout, buckets, window, parityLimit } = choice;
  return exportConfig.parse({ target, profile, precision, layout, buckets, window, parityLimit });
}
