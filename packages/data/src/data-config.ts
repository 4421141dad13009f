import { pathSetting } from "@slm/core";
import { z } from "zod";
import { augmentConfig } from "./augment/augment-config.js";
import { FORMAT_NAMES } from "./formats/format-table.js";
import { syntheticConfig } from "./synthetic-sources.js";
import { MAX_COLUMNS } from "./limits.js";
import { ENCODINGS } from "./lines.js";
import { fieldsConfig, templateConfig, type MappingSettings } from "./mapping.js";
import { MODULE_UNLABELLED, sourceConfig, type SourceConfig } from "./source-config.js";

const fraction = z.number().min(0).lt(1);
const count = z.int().positive();
const file = z.union([pathSetting, z.strictObject({ source: pathSetting, target: pathSetting })]);
/** One file, several, or two of parallel text. */
const files = z.union([file, z.array(file).min(1)]);

const DUPLICATE_RULES = ["normalized", "exact"] as const;
export type DuplicateRule = (typeof DUPLICATE_RULES)[number];
const DEFAULT_DUPLICATES: DuplicateRule = "normalized";

const CONFLICT_RULES = ["references", "reject"] as const;
export type ConflictRule = (typeof CONFLICT_RULES)[number];
const DEFAULT_CONFLICTS: ConflictRule = "references";

const limit = count.optional().describe("Most sources kept, in the order they come in [sources].");

const unlabelledFile = z.strictObject({
  // Optional in the file: a path says enough.
  kind: z.literal("file").optional().default("file"),
  path: pathSetting.describe("File of sources without targets."),
  format: z
    .enum(["jsonl", "text"])
    .optional()
    .describe(
      'jsonl: one {"source"} a line; text: one source a line. Default: jsonl if the name ends in .jsonl, else text.',
    ),
  limit,
});

const unlabelled = z.discriminatedUnion("kind", [
  unlabelledFile,
  z.strictObject({
    kind: z
      .literal(MODULE_UNLABELLED)
      .describe("Sources that the dataset module of data.source gives as unlabelled."),
    limit,
  }),
]);

/** How a file becomes rows. */
const fileSettings = {
  format: z.enum(FORMAT_NAMES).optional().describe("Format of the files. Default: what their names end in."),
  encoding: z.enum(ENCODINGS).optional().describe(`Encoding of text files. Default: ${ENCODINGS[0]}.`),
  columns: z
    .array(z.string().min(1))
    .min(1)
    .max(MAX_COLUMNS)
    .optional()
    .describe("Names of the columns of CSV or TSV files without a header line."),
  fields: fieldsConfig
    .optional()
    .describe("Which column is what. Default: columns are named as the keys of a row."),
  template: templateConfig.optional().describe("Texts made of columns, each by its name in braces."),
  images: pathSetting
    .optional()
    .describe(
      "Folder that the paths of rows' images start from. `slm data inspect` takes that of the file; `slm data prepare` takes rows " +
        "with images only where it is named, and copies the images.",
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

/** What `slm data inspect` may be told about a file. */
export const fileSchema = z.strictObject(fileSettings).superRefine(oneWayPerSide);

export type FileSettings = z.infer<typeof fileSchema>;

/** Where rows come from and how they are split. Read from the `data:` section of a recipe. */
export const dataConfig = z
  .strictObject({
    train: files
      .optional()
      .describe(
        "Training rows, in place of `source`: a file, a list of files, or {source, target} for two files of parallel text.",
      ),
    dev: files.optional().describe("Dev rows, as `train`; without them they come out of the training rows."),
    test: files
      .optional()
      .describe("Test rows, as `train`; without them they come out of the training rows."),
    ...fileSettings,
    source: sourceConfig
      .optional()
      .describe(
        "Rows that code makes, in place of `train`: a dataset module, which is run, and its settings (docs/how-to/dataset-modules.md).",
      ),
    testFraction: fraction.default(0.1).describe("Share of sources kept for the test, chosen by hash."),
    devFraction: fraction
      .default(0.02)
      .describe("Share of sources kept for choosing checkpoints, chosen by hash."),
    maxSource: count.optional().describe("Longest source kept [characters]."),
    maxTarget: count.optional().describe("Longest target kept [whitespace-separated tokens]."),
    duplicates: z
      .enum(DUPLICATE_RULES)
      .optional()
      .describe(
        "Which sources with one target are one row: equal ones (exact), or also those that differ in case, Unicode form or " +
          `spacing (normalized). Default: ${DEFAULT_DUPLICATES}.`,
      ),
    conflicts: z
      .enum(CONFLICT_RULES)
      .optional()
      .describe(
        "What further targets of a source are: references of a held-out row and rows of their own in train (references), or " +
          `rejected and listed (reject). Default: ${DEFAULT_CONFLICTS}.`,
      ),
    shuffle: z
      .boolean()
      .optional()
      .describe(
        "Whether the rows are put into an order that the seed decides; rows of one source stay together. Without it they keep " +
          "the order of the files. Training shuffles by itself.",
      ),
    limit: count.optional().describe("Most training rows kept, chosen by hash [rows]."),
    augment: augmentConfig.optional().describe("More training rows out of those there are."),
    unlabelled: unlabelled
      .optional()
      .describe("Sources for the teacher to label; those that a split has already are left out."),
    synthetic: syntheticConfig
      .optional()
      .describe("Synthetic sources for the teacher to label; those that a split has already are left out."),
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
    // Only what is read stays: a recipe's source does not count where a file of training rows is named.
    settings.train === undefined && source !== undefined ? { source, ...settings } : settings,
  );

export type DataConfig = z.infer<typeof dataConfig>;

/** What becomes of rows that are there twice, or with another target. */
export function duplicateRules({ duplicates, conflicts }: DataConfig): {
  readonly duplicates: DuplicateRule;
  readonly conflicts: ConflictRule;
} {
  return { duplicates: duplicates ?? DEFAULT_DUPLICATES, conflicts: conflicts ?? DEFAULT_CONFLICTS };
}

export type UnlabelledConfig = z.infer<typeof unlabelled>;
