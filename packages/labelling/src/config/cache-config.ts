/** The `cache` section of a recipe: which teacher distributions are stored, and which sources the teacher labels. */
import { z } from "zod";

const labelling = z.strictObject({
  minScore: z
    .union([z.number().max(0), z.literal("none")])
    .default(-0.1)
    .describe(
      "Smallest mean log-probability of a kept target, EOS included [nats per token]; -0.1 is a probability of 0.9 per token. " +
        "none: every target is kept.",
    ),
  limit: z
    .int()
    .positive()
    .optional()
    .describe("Largest number of given sources that are labelled, in file order [sources]. Default: all."),
});

export const cacheConfig = z.strictObject({
  k: z
    .int()
    .positive()
    .max(65_535)
    .default(50)
    .describe("Top-k probabilities stored per target position [tokens]."),
  // Without a default, so that adding this key did not change the settings of existing caches, which would be made again.
  distributions: z
    .enum(["topK", "none"])
    .optional()
    .describe(
      "Whether the teacher's distributions are stored. none: only labels, for students that learn from labels alone and need no " +
        "teacher. Default: topK.",
    ),
  generate: z
    .enum(["none", "greedy"])
    .default("none")
    .describe(
      "Whether the teacher also generates targets for the labelled training sources (sequence-level KD).",
    ),
  unlabelled: labelling
    .prefault({})
    .describe("How the teacher labels the sources of data.unlabelled, if there are any."),
});

export type CacheConfig = z.infer<typeof cacheConfig>;
