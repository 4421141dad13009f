import { pathSetting } from "@slm/core";
import { z } from "zod";
import { augmentConfig } from "../augment/augment-config.js";
import { DELIMITERS } from "../formats/data-format.js";
import { formatName } from "../formats/format-table.js";
import { MAX_COLUMNS } from "../rows/limits.js";
import { DEFAULT_ENCODING, ENCODINGS } from "../rows/lines.js";
import { fieldsConfig, type MappingSettings } from "../rows/mapping.js";
import { MODULE_UNLABELLED, sourceConfig, type SourceConfig } from "./source-config.js";

const fraction = z.number().min(0).lt(1);
const count = z.int().positive();
/** A file or a list of files. */
const files = z.union([pathSetting, z.array(pathSetting).min(1)]);

/** Enough for a corrupt line here and there; a wrong setting rejects more. */
export const DEFAULT_MAX_REJECTED = 0.01;

const unlabelledFile = z.strictObject({
  // Optional in the recipe, because a path implies this kind.
  kind: z.literal("file").optional().default("file"),
  path: pathSetting.describe(
    'File of unlabelled sources: one {"source"} per line if its name ends in .jsonl, else one source per line.',
  ),
});

const unlabelled = z.discriminatedUnion("kind", [
  unlabelledFile,
  z.strictObject({
    kind: z
      .literal(MODULE_UNLABELLED)
      .describe("The `unlabelled` sources of the dataset module of data.source."),
  }),
]);

/** Settings for reading a file as rows. */
const fileSettings = {
  format: formatName.optional().describe("Format of the files. Default: by file extension."),
  encoding: z.enum(ENCODINGS).optional().describe(`Encoding of text files. Default: ${DEFAULT_ENCODING}.`),
  delimiter: z
    .enum(DELIMITERS)
    .optional()
    .describe(
      "Field separator of CSV files. Default: the first of comma, semicolon, tab and bar that splits the first record into the expected columns.",
    ),
  columns: z
    .array(z.string().min(1))
    .min(1)
    .max(MAX_COLUMNS)
    .optional()
    .describe("Column names for CSV or TSV files without a header line."),
  fields: fieldsConfig
    .optional()
    .describe("Column for each key of a row. Default: the column of the same name."),
  images: pathSetting
    .optional()
    .describe(
      "Folder that image paths are relative to. Default of `slm data inspect`: the file's folder. `slm data prepare` accepts rows " +
        "with images only if it is set, and copies the images.",
    ),
  maxRejected: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      `Largest share of unusable records, rounded up to whole records; more end the run. Rows that are too long, in another split or rejected by a dataset module do not count. Default: ${DEFAULT_MAX_REJECTED}.`,
    ),
  unanswerable: z
    .string()
    .min(1)
    .optional()
    .describe("Target for SQuAD questions without an answer. Default: reject these questions."),
};

/** Source and target are different. */
function differentSides({ fields }: MappingSettings, context: z.RefinementCtx): void {
  if (fields?.source !== undefined && fields.source === fields.target) {
    context.addIssue({
      code: "custom",
      path: ["fields", "target"],
      message: `source and target must be different columns, got '${fields.source}' for both`,
    });
  }
}

/** The file settings of `slm data inspect`. */
export const fileSchema = z.strictObject(fileSettings).superRefine(differentSides);

/** How files are read as rows: format, encoding, columns, and the mapping to source and target. */
// The library's documentation shows an interface by name, but expands a type alias.
// oxlint-disable-next-line typescript/no-empty-object-type -- a name
export interface FileSettings extends z.infer<typeof fileSchema> {}

/** The `data:` section of a recipe: input files or dataset module, splits and limits. */
export const dataConfig = z
  .strictObject({
    train: files.optional().describe("Training rows, instead of `source`: a file or a list of files."),
    dev: files
      .optional()
      .describe("Dev rows, in the form of `train`. Default: a share of the training rows."),
    test: files
      .optional()
      .describe("Test rows, in the form of `train`. Default: a share of the training rows."),
    ...fileSettings,
    source: sourceConfig
      .optional()
      .describe(
        "Dataset module, instead of `train`: code that generates the rows, and its settings (docs/how-to/dataset-modules.md). The module is executed.",
      ),
    testFraction: fraction.default(0.1).describe("Share of sources in the test split, chosen by hash."),
    devFraction: fraction
      .default(0.02)
      .describe(
        "Share of sources in the dev split, chosen by hash. The dev split selects the best checkpoint.",
      ),
    maxSource: count.optional().describe("Longest accepted source [characters]."),
    maxTarget: count.optional().describe("Longest accepted target [whitespace-separated tokens]."),
    limit: count.optional().describe("Largest number of training rows, chosen by hash [rows]."),
    labels: count
      .optional()
      .describe(
        "Few labels: number of training rows that keep their targets, drawn by the seed. The sources of all other training rows become " +
          "unlabelled sources. A larger number keeps the same rows and adds more [rows]. Default: all.",
      ),
    augment: augmentConfig.optional().describe("Augmentation of the training rows."),
    unlabelled: unlabelled
      .optional()
      .describe("Unlabelled sources for the teacher to label. Sources that are in a split are left out."),
  })
  .refine(({ testFraction, devFraction }) => testFraction + devFraction < 1, {
    message: "testFraction and devFraction leave nothing to train on: their sum must be below 1",
    path: ["testFraction"],
  })
  .superRefine(differentSides)
  .superRefine(({ train, source, unlabelled: sources }, context) => {
    const reject = (key: string, message: string): void => {
      context.addIssue({ code: "custom", path: [key], message });
    };
    if (train === undefined && source === undefined) {
      reject(
        "train",
        "expected training rows, got none: name a file (train: rows.jsonl) or a dataset module (source: { module: ./dataset.ts })",
      );
    }
    if (train !== undefined && sources?.kind === MODULE_UNLABELLED)
      reject("unlabelled", "expected a file, because data.train replaces the dataset module");
  })
  .transform(({ source, ...settings }): typeof settings & { readonly source?: SourceConfig } =>
    // The dataset module is ignored if the recipe names training files.
    settings.train === undefined && source !== undefined ? { source, ...settings } : settings,
  );

export type DataConfig = z.infer<typeof dataConfig>;

/** Largest accepted share of unusable records. */
export function maxRejectedOf({ maxRejected }: DataConfig): number {
  return maxRejected ?? DEFAULT_MAX_REJECTED;
}

export type UnlabelledConfig = z.infer<typeof unlabelled>;
