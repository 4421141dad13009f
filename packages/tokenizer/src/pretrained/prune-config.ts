/** Settings of vocabulary pruning. */
import { z } from "zod";

const text = z.string().max(1 << 20);

/** Text around a source. */
const context = z.strictObject({
  before: text.default("").describe("Text before the source."),
  after: text.default("").describe("Text after the source."),
});

export const pruneConfig = z.strictObject({
  vocabularySize: z
    .int()
    .positive()
    .optional()
    .describe("Most tokens; the most frequent are kept. Default: no limit."),
  keepFirst: z
    .int()
    .nonnegative()
    .default(0)
    .describe(
      "Keep the first tokens of the vocabulary, this many, used or not: byte-pair vocabularies begin with their most common tokens. For " +
        "answers in words that the labelled rows do not have, as of a translation. Default: 0.",
    ),
  keep: z
    .array(z.union([text.min(1), context]))
    .default([])
    .describe(
      "What the teacher reads besides the rows: a text, whose tokens are always kept, or {before, after}, in which every source is also " +
        "counted. Special tokens other than BOS, EOS, padding and unknown are kept only if they are spelt here.",
    ),
});

export type PruneConfig = z.infer<typeof pruneConfig>;
