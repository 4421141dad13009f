/** The `cache` section of a recipe: which of the teacher's distributions to store, and which sources it labels. */
import { z } from "zod";

const labelling = z.strictObject({
  minScore: z
    .union([z.number().max(0), z.literal("none")])
    .default(-0.1)
    .describe(
      "Smallest mean log-probability of a target, including EOS [nats per token]; -0.1 is a probability of 0.9 per token. " +
        "Targets below it are dropped. none: keep all targets.",
    ),
  limit: z
    .int()
    .positive()
    .optional()
    .describe("Maximum number of sources to label, in the order of the file. Default: all."),
});

export const cacheConfig = z.strictObject({
  k: z
    .int()
    .positive()
    .max(65_535)
    .default(50)
    .describe("Number of probabilities to store per target position (top-k)."),
  // There is no default: it would have changed the settings of existing caches, which would be made again.
  distributions: z
    .enum(["topK", "none"])
    .optional()
    .describe(
      "Whether to store the teacher's distributions. none: store only labels, for students that learn without " +
        "distributions. Default: topK.",
    ),
  generate: z
    .enum(["none", "greedy"])
    .default("none")
    .describe(
      "Whether the teacher also generates targets for labelled training sources (sequence-level KD).",
    ),
  unlabelled: labelling.prefault({}).describe("How the teacher labels the sources of data.unlabelled."),
});

export type CacheConfig = z.infer<typeof cacheConfig>;
