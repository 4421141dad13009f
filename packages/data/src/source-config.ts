/** The settings of a dataset module in a recipe. */
import { PATH_FORMATS } from "@slm/core";
import { z } from "zod";

/** Value of `unlabelled.kind` that asks the dataset module for its unlabelled sources. */
export const MODULE_UNLABELLED = "module";

/** `module`, and settings that the module checks itself. */
export const sourceConfig = z.looseObject({
  module: z
    .string()
    .min(1)
    .meta({ format: PATH_FORMATS.path })
    .describe(
      "Dataset module, TypeScript or JavaScript, which is executed. The keys next to `module` are its settings.",
    ),
});
export type SourceConfig = z.infer<typeof sourceConfig>;
