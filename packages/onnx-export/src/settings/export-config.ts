import { z } from "zod";
import { PRECISIONS, PROFILE_NAMES, TARGETS, unknownProfile } from "@slm/devices";
import { EXPORT_LAYOUTS } from "./layouts.js";

/** Longest source or window of a static graph [tokens]. At this length the scores of one layer take 16 GiB. */
const MAX_STATIC = 1 << 16;

/** How to export a checkpoint. */
const exportConfig = z.strictObject({
  target: z.enum(TARGETS).default("cpu").describe("Kind of device to export for."),
  profile: z
    .enum(PROFILE_NAMES, {
      error: ({ input }) => (typeof input === "string" ? unknownProfile(input) : undefined),
    })
    .optional()
    .describe("Execution provider on the target, such as qnn or cuda. Default: the target's first."),
  precision: z.enum(PRECISIONS).default("float32").describe("Type of weights, activations and caches."),
  layout: z.enum(EXPORT_LAYOUTS).default("native").describe("Names of files, inputs and outputs."),
  buckets: z
    .array(z.int().positive().max(MAX_STATIC))
    .min(1)
    .default([64, 256, 1024])
    .describe("Target npu: source lengths of the static graphs, at most the model's limit [tokens]."),
  window: z
    .int()
    .min(2)
    .max(MAX_STATIC)
    .optional()
    .describe("Target npu: longest target, the BOS token included [tokens]. Default: the model's own."),
  chunk: z
    .int()
    .min(2)
    .max(MAX_STATIC)
    .optional()
    .describe(
      "Target npu: tokens per run of a second decoder, which reads prompts. Decoder-only models only. Default: 32.",
    ),
});

/** The `export:` section of a recipe. */
export const exportSection = exportConfig.omit({ layout: true, window: true, chunk: true });

export type ExportSection = z.infer<typeof exportSection>;

type ExportConfig = z.infer<typeof exportConfig>;

/** Target of the graphs. Everything except the target has a default. */
export type ExportChoice = Pick<ExportConfig, "target"> & {
  readonly [Key in Exclude<keyof ExportConfig, "target">]?: ExportConfig[Key] | undefined;
};

const CHOICE = exportConfig.strip();

/** Fills in the defaults of a choice; other keys of the object do not change. */
export function chosenExport(choice: ExportChoice): ExportConfig {
  return CHOICE.parse(choice);
}
