import { z } from "zod";

const fraction = z.number().min(0).lt(1);
const count = z.int().positive();

const cmudictSource = z.strictObject({
  kind: z.literal("cmudict"),
  stress: z.boolean().default(false).describe("Keep the stress digits of vowels (AH0, AH1, AH2)."),
});

const jsonlSource = z.strictObject({
  kind: z.literal("jsonl"),
  train: z.string().min(1).describe("JSONL file of training rows."),
  dev: z.string().min(1).optional().describe("JSONL file of dev rows; without it they come out of train."),
  test: z.string().min(1).optional().describe("JSONL file of test rows; without it they come out of train."),
});

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
    source: z
      .discriminatedUnion("kind", [cmudictSource, jsonlSource])
      .default({ kind: "cmudict", stress: false })
      .describe("cmudict: letters to phonemes from the CMU Pronouncing Dictionary; jsonl: rows of your own."),
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
  });

export type DataConfig = z.infer<typeof dataConfig>;
export type UnlabelledConfig = z.infer<typeof unlabelled>;
