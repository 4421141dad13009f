/** Settings of vocabulary pruning. */
import { z } from "zod";

/** Stands for every source in a text of `keep`. */
export const SOURCE_MARK = "{source}";

export const pruneConfig = z.strictObject({
  vocabularySize: z
    .int()
    .positive()
    .optional()
    .describe("Maximum number of tokens; keeps the most frequent ones. Default: no limit."),
  keepFirst: z
    .int()
    .nonnegative()
    .optional()
    .describe(
      "Keep this many of the first tokens of the vocabulary, whether they are used or not. Byte-pair vocabularies start with their most common tokens. Useful for " +
        "answers with words that the labelled rows do not contain, as in translation. Default: 0.",
    ),
  keep: z
    .array(
      z
        .string()
        .min(1)
        .max(1 << 20),
    )
    .default([])
    .describe(
      "What the teacher reads in addition to the rows: texts, in which {source} stands for every source. Their tokens are always kept. Special tokens other " +
        "than BOS, EOS, padding and unknown are kept only if these texts contain them.",
    ),
});

export type PruneConfig = z.infer<typeof pruneConfig>;
