import { z } from "zod";
import { DEFAULT_SOURCE, sourceConfig, type SourceConfig } from "./source-table.js";

const fraction = z.number().min(0).lt(1);
const count = z.int().positive();
const file = z.string().min(1);

const unlabelled = z.strictObject({
  path: z.string().min(1).describe("File of sources without targets."),
  format: z
    .enum(["jsonl", "text"])
    .optional()
    .describe(
      'jsonl: one {"source"} a line; text: one source a line. Default: jsonl if the name ends in .jsonl, else text.',
    ),
  limit: count.optional().describe("Most sources kept, in the order of the file [sources]."),
});

/** Where rows come from and how they are split. Read from the `data:` section of a recipe. */
export const dataConfig = z
  .strictObject({
    train: file.optional().describe("File of training rows; it takes the place of `source`."),
    dev: file.optional().describe("File of dev rows; without it they come out of the training rows."),
    test: file.optional().describe("File of test rows; without it they come out of the training rows."),
    source: sourceConfig
      .optional()
      .describe(
        "Rows that come with slm. cmudict (the default where `train` names no file): letters to phonemes from the CMU " +
          "Pronouncing Dictionary.",
      ),
    testFraction: fraction.default(0.1).describe("Share of sources kept for the test, chosen by hash."),
    devFraction: fraction
      .default(0.02)
      .describe("Share of sources kept for choosing checkpoints, chosen by hash."),
    maxSource: count.optional().describe("Longest source kept [characters]."),
    maxTarget: count.optional().describe("Longest target kept [whitespace-separated tokens]."),
    limit: count.optional().describe("Most training rows kept, chosen by hash [rows]."),
    unlabelled: unlabelled
      .optional()
      .describe("Sources for the teacher to label; those that a split has already are left out."),
  })
  .refine(({ testFraction, devFraction }) => testFraction + devFraction < 1, {
    message: "testFraction and devFraction leave nothing to train on: their sum must be below 1",
    path: ["testFraction"],
  })
  .transform(({ source, ...settings }): typeof settings & { readonly source?: SourceConfig } =>
    // Only what is read stays: a recipe's source does not count where a file of training rows is named.
    settings.train === undefined ? { source: source ?? DEFAULT_SOURCE, ...settings } : settings,
  );

export type DataConfig = z.infer<typeof dataConfig>;
export type UnlabelledConfig = z.infer<typeof unlabelled>;
