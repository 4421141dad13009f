/** The `distill` section of a recipe: what the student is, what it learns from, and how. */
import { devMetrics, moduleTraining, trainingFields } from "@slm/training";
import { pathSetting } from "@slm/core";
import { z } from "zod";
import { requiresDistributions, lossConfig } from "./loss-config.js";
import { studentConfig } from "./student-config.js";
import { fullestShares, largestShare, ROUNDING, targetsConfig } from "./target-schedule.js";

const sampling = z.strictObject({
  temperature: z.number().positive().default(0.9).describe("Divides the logits before a token is drawn."),
  topK: z.int().positive().default(128).describe("Most probable tokens drawn among [tokens]."),
});

const initialize = z.strictObject({
  fromTeacher: z
    .enum(["none", "embeddings"])
    .default("none")
    .describe(
      "embeddings: the student's table starts as the teacher's; a narrower one as its projection on the directions of most variance.",
    ),
  student: pathSetting
    .optional()
    .describe(
      "Directory of a student's checkpoint of the same shape: this one goes on from it. Tokens of the same text keep their rows, limits on lengths may differ. Default: random numbers.",
    ),
  vision: pathSetting
    .optional()
    .describe(
      "Directory of a vision-language checkpoint by the same tower: the student starts with that, and with its projector where that has the same shapes. Default: random numbers.",
    ),
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
        "Seed of initial weights, order and dropout. Default: the recipe's. Students of several seeds so share data and caches.",
      ),
    modules: moduleTraining
      .optional()
      .describe("How the modules of a vision-language student are trained: full, lora (adapters) or frozen."),
    loss: lossConfig.prefault({}).describe("What is minimized: a weighted sum of terms."),
    targets: targetsConfig.prefault({}).describe("Where each batch's targets come from; the rest are gold."),
    sampling: sampling.prefault({}).describe("How the student draws its own targets."),
    initialize: initialize.prefault({}).describe("What the student starts from besides random numbers."),
    cacheTokens: z
      .int()
      .positive()
      .default(128)
      .describe(
        "Most probable teacher tokens kept per gold target token, where no cache was made before [tokens].",
      ),
    metrics: devMetrics,
  })
  .check(({ value: { initialize: start }, issues }) => {
    if (start.student === undefined) return;
    if (start.vision === undefined && start.fromTeacher === "none") return;
    issues.push({
      code: "custom",
      input: start,
      path: ["initialize", "student"],
      message: "is all of a student: leave out vision and fromTeacher",
    });
  })
  .check(({ value: { student: model, initialize: start }, issues }) => {
    if (model.architecture === "decoder-only" || model.vision === undefined) return;
    const { tower, published } = model.vision;
    const reject = (message: string): void => {
      issues.push({ code: "custom", input: model.vision, path: ["student", "vision"], message });
    };
    if ((tower === undefined) === (published === undefined))
      reject("has either a tower of its own or a published one");
    if (published !== undefined && start.vision !== undefined)
      reject("starts with a published tower, so that initialize.vision has no place");
  })
  .check(({ value: { student: model, targets, loss }, issues }) => {
    const reject = (message: string, ...path: string[]): void => {
      issues.push({ code: "custom", input: targets, path: ["targets", ...path], message });
    };
    if (fullestShares(targets) > 1 + ROUNDING) reject("fractions add up to more than 1");
    if (largestShare(targets.onPolicyFraction) > 0 && !requiresDistributions(loss))
      reject(
        "targets of the student need a term that compares distributions, such as forwardKl",
        "onPolicyFraction",
      );
    if (model.architecture === "decoder-only" || model.vision === undefined) {
      if (loss.ctc > 0)
        issues.push({
          code: "custom",
          input: loss,
          path: ["loss", "ctc"],
          message: "reads labels off the tokens of an image: it needs distill.student.vision",
        });
      return;
    }
    if (largestShare(targets.unlabelledFraction) > 0)
      reject(
        "sources without targets have no images for a vision-language student to read",
        "unlabelledFraction",
      );
    if (loss.hiddenState > 0)
      issues.push({
        code: "custom",
        input: loss,
        path: ["loss", "hiddenState"],
        message:
          "compares states of the same source tokens, which a vision-language student and a teacher of text have not",
      });
  });

export type DistillConfig = z.infer<typeof distillConfig>;

/** Whether a term or a target requires the teacher while the student trains. */
export const requiresTeacher = ({ loss, targets }: DistillConfig): boolean =>
  requiresDistributions(loss) ||
  loss.hiddenState > 0 ||
  largestShare(targets.sequenceKdFraction) > 0 ||
  largestShare(targets.unlabelledFraction) > 0;

/** Whether a run reads the teacher at all: while the student trains, or for its initialization. */
export const readsTeacher = (settings: DistillConfig): boolean =>
  requiresTeacher(settings) || settings.initialize.fromTeacher !== "none";
