import { z } from "zod";

/** Devices that graphs can be lowered to. */
export const EXPORT_TARGETS = ["cpu"] as const;
export type ExportTarget = (typeof EXPORT_TARGETS)[number];

/** How to lower a checkpoint. Read from the `export:` section of a recipe. */
export const exportConfig = z.strictObject({
  target: z.enum(EXPORT_TARGETS).default("cpu").describe("Device whose operators the graphs are made of."),
  parityLimit: z
    .number()
    .positive()
    .default(1e-3)
    .describe("Largest difference of a logit between the exported and the trained model that passes."),
});

export type ExportConfig = z.infer<typeof exportConfig>;
