/** The `distill` section of a recipe: what the student is, what it learns from, and how. */
import { devMetrics, partTraining, trainingFields } from "@slm/training";
import { pathSetting } from "@slm/core";
import { z } from "zod";
import { requiresDistributions, lossConfig } from "./loss-config.js";
import { studentConfig } from "./student-config.js";
import { fullestShares, largestShare, ROUNDING, targetsConfig } from "./target-schedule.js";

const sampling = z.strictObject({
  temperature: z.number().positive().default(0.9).describe("Divides the logits before a token is drawn."),
  topK: z.int().positive().default(128).describe("Likeliest tokens drawn among [tokens]."),
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
      "Directory of a checkpoint that sees by the same tower: the student starts with that, and with its projector where that has the same shapes. Default: random numbers.",
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
        "Seed of first weights, order and dropout. Default: the recipe's. Students of several seeds so share data and caches.",
      ),
    parts: partTraining
      .optional()
      .describe("How the parts of a student that sees are trained: full, lora (adapters) or frozen."),
    loss: lossConfig.prefault({}).describe("What is minimized: a weighted sum of terms."),
    targets: targetsConfig.prefault({}).describe("Where each batch's targets come from; the rest are gold."),
    sampling: sampling.prefault({}).describe("How the student draws its own targets."),
    initialize: initialize.prefault({}).describe("What the student starts from besides random numbers."),
    cacheTokens: z
      .int()
      .positive()
      .default(128)
      .describe(
        "Likeliest teacher tokens kept per gold target token, where no cache was made before [tokens].",
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
    const refuse = (message: string): void => {
      issues.push({ code: "custom", input: model.vision, path: ["student", "vision"], message });
    };
    if ((tower === undefined) === (published === undefined))
      refuse("has either a tower of its own or a published one");
    if (published !== undefined && start.vision !== undefined)
      refuse("starts with a published tower, so that initialize.vision has no place");
  })
  .check(({ value: { student: model, targets, loss }, issues }) => {
    const refuse = (message: string, ...path: string[]): void => {
      issues.push({ code: "custom", input: targets, path: ["targets", ...path], message });
    };
    if (fullestShares(targets) > 1 + ROUNDING)
      refuse("teacher, student and unlabelled shares add up to more than 1");
    if (largestShare(targets.student) > 0 && !requiresDistributions(loss))
      refuse("targets of the student need a term that compares distributions, such as forwardKl", "student");
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
    if (largestShare(targets.unlabelled) > 0)
      refuse("sources without targets have no images for a student that sees to read", "unlabelled");
    if (loss.hiddenState > 0)
      issues.push({
        code: "custom",
        input: loss,
        path: ["loss", "hiddenState"],
        message:
          "compares states of the same source tokens, which a student that sees and a teacher of text have not",
      });
  });

export type DistillConfig = z.infer<typeof distillConfig>;

/** Whether a term or a target requires the teacher while the student trains. */
export const requiresTeacher = ({ loss, targets }: DistillConfig): boolean =>
  requiresDistributions(loss) ||
  loss.hiddenState > 0 ||
  largestShare(targets.teacher) > 0 ||
  largestShare(targets.unlabelled) > 0;

/** Whether a run reads the teacher at all: while the student trains, or for its initialization. */
export const readsTeacher = (settings: DistillConfig): boolean =>
  requiresTeacher(settings) || settings.initialize.fromTeacher !== "none";
