/** The `cache` section of a recipe: which teacher distributions are stored, and which sources the teacher labels. */
import { z } from "zod";

const labelling = z.strictObject({
  strategy: z
    .enum(["greedy", "beam", "sample"])
    .default("greedy")
    .describe("How the teacher chooses the target of an unlabelled source."),
  beams: z.int().positive().max(64).default(4).describe("Beams of the strategy beam."),
  lengthPenalty: z
    .number()
    .default(1)
    .describe(
      "Strategy beam: length penalty, the power of the length that divides log-probabilities; larger favours longer targets.",
    ),
  temperature: z.number().positive().default(1).describe("Strategy sample: temperature."),
  topK: z.int().positive().optional().describe("Strategy sample: top-k. Default: all tokens."),
  minScore: z
    .number()
    .max(0)
    .default(-0.1)
    .describe(
      "Smallest mean log-probability of a kept target, EOS included [nats per token]; -0.1 is a probability of 0.9 per token.",
    ),
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
    .describe("Targets that the teacher generates for the labelled training sources (sequence-level KD)."),
  unlabelled: labelling
    .prefault({})
    .describe("How the teacher labels the sources of data.unlabelled, if there are any."),
});

export type CacheConfig = z.infer<typeof cacheConfig>;
export type LabellingConfig = z.infer<typeof labelling>;
