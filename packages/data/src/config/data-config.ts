import { pathSetting } from "@slm/core";
import { z } from "zod";
import { augmentConfig } from "../augment/augment-config.js";
import { DELIMITERS } from "../formats/data-format.js";
import { formatName } from "../formats/format-table.js";
import { MAX_COLUMNS } from "../rows/limits.js";
import { DEFAULT_ENCODING, ENCODINGS } from "../rows/lines.js";
import { fieldsConfig, templateConfig, type MappingSettings } from "../rows/mapping.js";
import { MODULE_UNLABELLED, sourceConfig, type SourceConfig } from "./source-config.js";

const fraction = z.number().min(0).lt(1);
const count = z.int().positive();
const file = z.union([pathSetting, z.strictObject({ source: pathSetting, target: pathSetting })]);
/** One file, several, or two of parallel text. */
const files = z.union([file, z.array(file).min(1)]);

/** Enough for a corrupt line here and there; a wrong setting rejects more. */
const DEFAULT_MAX_REJECTED = 0.01;

const unlabelledFile = z.strictObject({
  // Optional in the recipe: a path implies this kind.
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

/** How a file becomes rows. */
const fileSettings = {
  format: formatName.optional().describe("Format of the files. Default: by file extension."),
  encoding: z.enum(ENCODINGS).optional().describe(`Encoding of text files. Default: ${DEFAULT_ENCODING}.`),
  delimiter: z
    .enum(DELIMITERS)
    .optional()
    .describe(
      "What separates the fields of a CSV record. Default: that of comma, semicolon, tab and bar with which the first record has the columns.",
    ),
  columns: z
    .array(z.string().min(1))
    .min(1)
    .max(MAX_COLUMNS)
    .optional()
    .describe("Names of the columns of CSV or TSV files without a header line."),
  fields: fieldsConfig
    .optional()
    .describe("Names of the columns for each key of a row. Default: the keys themselves."),
  template: templateConfig
    .optional()
    .describe("Texts with column names in braces, which are replaced by the values."),
  images: pathSetting
    .optional()
    .describe(
      "Folder that image paths are relative to. Default of `slm data inspect`: the file's folder. `slm data prepare` accepts rows " +
        "with images only if it is set, and copies the images.",
    ),
  unanswerable: z
    .string()
    .min(1)
    .optional()
    .describe("Target of SQuAD questions without an answer; without it they are rejected."),
};

/** A side is a column or a template. */
function oneWayPerSide({ fields, template }: MappingSettings, context: z.RefinementCtx): void {
  for (const side of ["source", "target"] as const) {
    if (fields?.[side] === undefined || template?.[side] === undefined) continue;
    context.addIssue({
      code: "custom",
      path: ["template", side],
      message: `the ${side} is a column (fields.${side}) or a template (template.${side}), not both`,
    });
  }
}

/** Settings of `slm data inspect` about a file. */
export const fileSchema = z.strictObject(fileSettings).superRefine(oneWayPerSide);

/** How files are read as rows: format, encoding, columns, and what of a record is source and target. */
// An interface has a name in the library's documentation, where an alias would be spelled out.
// oxlint-disable-next-line typescript/no-empty-object-type -- a name
export interface FileSettings extends z.infer<typeof fileSchema> {}

/** The source of rows and their splits. Read from the `data:` section of a recipe. */
export const dataConfig = z
  .strictObject({
    train: files
      .optional()
      .describe(
        "Training rows, in place of `source`: a file, a list of files, or {source, target} for two files of parallel text.",
      ),
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
        "Dataset module instead of `train`: code that makes the rows, and its settings (docs/how-to/dataset-modules.md). The module is executed.",
      ),
    testFraction: fraction.default(0.1).describe("Share of sources in the test split, chosen by hash."),
    devFraction: fraction
      .default(0.02)
      .describe("Share of sources in the dev split, which chooses checkpoints; chosen by hash."),
    maxSource: count.optional().describe("Longest accepted source [characters]."),
    maxTarget: count.optional().describe("Longest accepted target [whitespace-separated tokens]."),
    maxRejected: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe(
        `Largest share of records that are no rows, rounded up to whole records; more end the run. Rows that are too long, in another split or rejected by a dataset module do not count. Default: ${DEFAULT_MAX_REJECTED}.`,
      ),
    limit: count.optional().describe("Largest number of training rows, chosen by hash [rows]."),
    labels: count
      .optional()
      .describe(
        "Few labels: number of training rows that keep their targets, drawn by the seed; the sources of all other training rows become " +
          "unlabelled sources. A larger number only adds rows [rows]. Default: all.",
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
  .superRefine(oneWayPerSide)
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
      reject("unlabelled", "expected a file, since data.train takes the place of a dataset module");
  })
  .transform(({ source, ...settings }): typeof settings & { readonly source?: SourceConfig } =>
    // The dataset module is ignored if a file of training rows is given.
    settings.train === undefined && source !== undefined ? { source, ...settings } : settings,
  );

export type DataConfig = z.infer<typeof dataConfig>;

/** Largest accepted share of records that are no rows. */
export function maxRejectedOf({ maxRejected }: DataConfig): number {
  return maxRejected ?? DEFAULT_MAX_REJECTED;
}

export type UnlabelledConfig = z.infer<typeof unlabelled>;
