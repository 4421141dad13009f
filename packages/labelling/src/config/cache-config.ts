/** The `cache` section of a recipe: which teacher distributions are stored, and which sources the teacher labels. */
import { pathSetting } from "@slm/core";
import { metricName } from "@slm/metrics";
import { z } from "zod";
import { MAX_MEMBERS } from "@slm/teacher";
import { syntheticSourcesConfig } from "./synthetic-config.js";
import { validityConfig } from "./validity.js";

const samples = z.int().min(2).max(256);
const metric = metricName;

/** Several teachers that must agree. */
const agreement = z.strictObject({
  teachers: z
    .array(pathSetting)
    .max(MAX_MEMBERS)
    .default([])
    .describe(
      "Directories of further teachers. The run's teacher is the first; of an ensemble every member is one.",
    ),
  minTeachers: z
    .int()
    .min(2)
    .optional()
    .describe("Teachers that must give an equal answer, by the metric. Default: all."),
});

// Keys without a default were added later: a default would change the settings of existing caches, which would be made again.
const labelling = z
  .strictObject({
    strategy: z
      .enum(["greedy", "beam", "sample", "selfConsistency", "minimumRisk"])
      .default("greedy")
      .describe(
        "How the target of an unlabelled source is chosen: the teacher's most probable one (greedy, beam), a sample, the answer that most " +
          "samples give (selfConsistency), or the sample with the highest mean metric against the others (minimumRisk).",
      ),
    beams: z.int().positive().max(64).default(4).describe("Beams of the strategy beam."),
    lengthPenalty: z
      .number()
      .default(1)
      .describe(
        "Strategy beam: length penalty, the power of the length that divides log-probabilities; larger favours longer targets.",
      ),
    temperature: z.number().positive().default(1).describe("Temperature of samples."),
    topK: z.int().positive().optional().describe("Top-k of samples of a local teacher. Default: all tokens."),
    samples: samples
      .optional()
      .describe("Strategies selfConsistency and minimumRisk: samples per source. Default: 8."),
    minAgreement: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe(
        "Smallest fraction of the samples that must equal a kept target. Default: 0.5 for selfConsistency, 0 for minimumRisk.",
      ),
    metric: metric
      .optional()
      .describe(
        "Metric that compares answers, of samples and of teachers. Default in a recipe: the first of distill.metrics, or the metric of quantize.gate.",
      ),
    minScore: z
      .union([z.number().max(0), z.literal("none")])
      .default(-0.1)
      .describe(
        "Strategies greedy, beam and sample: smallest mean log-probability of a kept target, EOS included [nats per token]; -0.1 is a " +
          "probability of 0.9 per token. none: every target is kept.",
      ),
    limit: z
      .int()
      .positive()
      .optional()
      .describe("Largest number of given sources that are labelled, in file order [sources]. Default: all."),
    keepFraction: z
      .number()
      .gt(0)
      .max(1)
      .optional()
      .describe(
        "Fraction of the sources of which the most confident targets are kept: by utility (minimumRisk), agreement, then score. Default: all.",
      ),
    valid: validityConfig
      .optional()
      .describe("Check that every kept target passes: json, jsonObject, jsonSchema or regex. Default: none."),
    similarity: z
      .number()
      .gt(0)
      .max(1)
      .optional()
      .describe(
        "Sources at least this similar to a dev or test source are not labelled: Jaccard similarity of character trigrams. Default: only equal " +
          "sources, in any case, Unicode form or spacing.",
      ),
    agreement: agreement
      .optional()
      .describe("Several teachers must give an equal answer. Default: the run's teacher alone."),
  })
  .check(({ value, issues }) => {
    const compares = value.agreement !== undefined || SAMPLING.has(value.strategy);
    if (compares && value.metric === undefined)
      issues.push({
        code: "custom",
        input: value,
        path: ["metric"],
        message: "answers are compared by a metric: name it, such as exactMatch",
      });
  });

/** Strategies that compare several samples. */
const SAMPLING: ReadonlySet<string> = new Set(["selfConsistency", "minimumRisk"]);

const generation = z.union([
  z.enum(["none", "greedy"]),
  z.strictObject({
    strategy: z
      .enum(["bestOf", "minimumRisk"])
      .describe(
        "bestOf: the sample with the highest metric against the gold targets; minimumRisk: the one with the highest mean metric against the other samples.",
      ),
    samples: samples.default(8).describe("Samples per source."),
    temperature: z.number().positive().default(1).describe("Sampling temperature."),
    topK: z.int().positive().optional().describe("Top-k of samples of a local teacher. Default: all tokens."),
    metric: metric.describe("Metric that compares the samples."),
  }),
]);

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
  generate: generation
    .default("none")
    .describe(
      "Targets that the teacher generates for the labelled training sources (sequence-level KD): none, greedy, or chosen out of samples.",
    ),
  synthetic: syntheticSourcesConfig
    .optional()
    .describe(
      "Synthetic sources that the teacher writes, and labels like those of data.unlabelled. Default: none.",
    ),
  unlabelled: labelling
    .prefault({})
    .describe("How the teacher labels the sources of data.unlabelled, if there are any."),
});

export type CacheConfig = z.infer<typeof cacheConfig>;
export type LabellingConfig = z.infer<typeof labelling>;
export type GenerationConfig = CacheConfig["generate"];
