/** The settings of a dataset module in a recipe. */
import { PATH_FORMATS } from "@slm/core";
import { z } from "zod";

/** Value of `unlabelled.kind` that asks the dataset module for its unlabelled sources. */
export const MODULE_UNLABELLED = "module";

/** Former built-in kinds of sources, and the modules that replace them. */
const FORMER_KINDS = {
  cmudict: "configs/quickstart/dataset.ts",
  assistant: "configs/assistant/dataset.ts",
  "ocr-lines": "configs/ocr/dataset.ts",
  scenes: "configs/vqa/dataset.ts",
} as const;

const NO_MODULE = [
  "expected the path of a dataset module, got none; a source of a former kind is one of",
  Object.entries(FORMER_KINDS)
    .map(([kind, module]) => `${module} (${kind})`)
    .join(", "),
].join(" ");

/** `module`, and settings that the module checks itself. */
export const sourceConfig = z.looseObject({
  module: z
    .string({ error: ({ input }) => (input === undefined ? NO_MODULE : undefined) })
    .min(1)
    .meta({ format: PATH_FORMATS.path })
    .describe(
      "Dataset module, TypeScript or JavaScript, which is executed. The keys next to `module` are its settings.",
    ),
});
export type SourceConfig = z.infer<typeof sourceConfig>;
