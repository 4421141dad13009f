/** The settings of a dataset module in a recipe. */
import { PATH_FORMATS } from "@slm/core";
import { z } from "zod";

/** Value of `unlabelled.kind` for the unlabelled sources of the dataset module. */
export const MODULE_UNLABELLED = "module";

/** `module`, and settings that the module's own schema checks. */
export const sourceConfig = z.looseObject({
  module: z
    .string()
    .min(1)
    .meta({ format: PATH_FORMATS.path })
    .describe(
      "Dataset module in TypeScript or JavaScript. It is executed. The keys next to `module` are its settings.",
    ),
});
export type SourceConfig = z.infer<typeof sourceConfig>;
