/** The `distill` section of a recipe: what the student is, what it learns from, and how. */
import { draftFields } from "./draft/draft-config.js";
import { devMetrics, moduleTraining, trainingFields } from "@slm/training";
import type { CacheRowKind } from "@slm/teacher";
import { z } from "zod";
import { requiresDistributions, lossConfig } from "./loss-config.js";
import { initializeConfig, initializeProblems } from "./initialize-config.js";
import { hasTeacherShape, studentConfig, visionSettingsOf } from "./student-config.js";
import { fullestShares, largestShare, ROUNDING, STORED_TARGETS, targetsConfig } from "./target-schedule.js";

const samplingConfig = z.strictObject({
  temperature: z.number().positive().default(0.9).describe("Sampling temperature."),
  topK: z
    .int()
    .positive()
    .default(128)
    .describe("Top-k: number of most probable tokens to sample from [tokens]."),
});

export const distillConfig = z
  .strictObject({
    student: studentConfig.describe(
      "Shape of the student; architecture: encoder-decoder (default) or decoder-only.",
    ),
    ...trainingFields,
    seed: z
      .int()
      .nonnegative()
      .optional()
      .describe(
        "Seed of initial weights, data order and dropout. Default: the recipe's seed. Students with different seeds can share data and caches.",
      ),
    modules: moduleTraining
      .optional()
      .describe("How the modules of a vision-language student are trained: full, lora (adapters) or frozen."),
    loss: lossConfig.prefault({}).describe("The loss: a weighted sum of terms."),
    targets: targetsConfig
      .prefault({})
      .describe("Fractions of batches by the source of their targets; the rest have gold targets."),
    sampling: samplingConfig.prefault({}).describe("How on-policy targets are sampled from the student."),
    initialize: initializeConfig.prefault({}).describe("Initialization of the student."),
    cacheTokens: z
      .int()
      .positive()
      .default(128)
      .describe(
        "Top-k teacher probabilities stored per gold target token, if the recipe has no cache stage [tokens].",
      ),
    metrics: devMetrics,
    ...draftFields,
  })
  .check(({ value: { student: model, draftHeads, draftTraining }, issues }) => {
    const reject = (key: string, message: string): void => {
      issues.push({ code: "custom", input: model, path: [key], message });
    };
    if (draftHeads !== undefined && model.architecture === "decoder-only")
      reject("draftHeads", "needs an encoder-decoder student: its heads read the source");
    if (draftTraining !== undefined && draftHeads === undefined)
      reject("draftTraining", "has no heads to train: set draftHeads");
  })
  .check(({ value: { student: model, initialize: start, lora }, issues }) => {
    const isDecoderOnly = model.architecture === "decoder-only";
    for (const { key, message } of initializeProblems(start, {
      isDecoderOnly,
      hasAdapters: lora !== undefined,
    }))
      issues.push({ code: "custom", input: start, path: ["initialize", key], message });
  })
  .check(({ value: { student: model, initialize: start }, issues }) => {
    const vision = visionSettingsOf(model);
    if (vision === undefined) return;
    const { tower, published } = vision;
    const reject = (message: string): void => {
      issues.push({ code: "custom", input: vision, path: ["student", "vision"], message });
    };
    if ((tower === undefined) === (published === undefined))
      reject("needs either `tower` or `published`, not both");
    if (published !== undefined && start.vision !== undefined)
      reject("starts with a published tower: leave out initialize.vision");
  })
  .check(({ value: { student: model, targets, loss }, issues }) => {
    const reject = (message: string, ...path: string[]): void => {
      issues.push({ code: "custom", input: targets, path: ["targets", ...path], message });
    };
    if (fullestShares(targets) > 1 + ROUNDING) reject("fractions add up to more than 1");
    if (largestShare(targets.onPolicyFraction) > 0 && !requiresDistributions(loss))
      reject(
        "on-policy targets need a loss term that compares distributions, such as forwardKl",
        "onPolicyFraction",
      );
    if (visionSettingsOf(model) === undefined) {
      if (loss.ctc > 0)
        issues.push({
          code: "custom",
          input: loss,
          path: ["loss", "ctc"],
          message: "aligns labels with image tokens: it needs distill.student.vision",
        });
      return;
    }
    if (largestShare(targets.unlabelledFraction) > 0)
      reject(
        "unlabelled sources have no images, which a vision-language student needs",
        "unlabelledFraction",
      );
  });

export type DistillConfig = z.infer<typeof distillConfig>;

/** Kinds of targets that are stored, and need no teacher. */
export type StoredKinds = ReadonlySet<CacheRowKind>;

/**
 * Whether a term or a target requires the teacher while the student trains. Stored targets need none where no term compares the
 * student with the teacher.
 */
export const requiresTeacher = ({ loss, targets }: DistillConfig, stored: StoredKinds): boolean =>
  requiresDistributions(loss) ||
  STORED_TARGETS.some(({ kind, fraction }) => largestShare(targets[fraction]) > 0 && !stored.has(kind));

/** Whether a run needs the teacher: for training, for initialization, or for the student's shape. */
export const readsTeacher = (settings: DistillConfig, stored: StoredKinds): boolean =>
  requiresTeacher(settings, stored) ||
  settings.initialize.fromTeacher !== "none" ||
  hasTeacherShape(settings.student);
