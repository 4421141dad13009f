/** The `distill` section of a recipe: what the student is, what it learns from, and how. */
import { devMetrics, moduleTraining, trainingFields } from "@slm/training";
import type { CacheRowKind } from "@slm/teacher";
import { z } from "zod";
import { requiresDistributions, lossConfig } from "./loss-config.js";
import { initializeConfig, initializeProblems } from "./initialize-config.js";
import { hasTeacherShape, studentConfig, visionSettingsOf } from "./student-config.js";
import { sumOfShares, ROUNDING, STORED_TARGETS, targetsConfig } from "./target-shares.js";

const fields = z.strictObject({
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
  initialize: initializeConfig.prefault({}).describe("Initialization of the student."),
  metrics: devMetrics,
});

type Fields = z.infer<typeof fields>;

/** A combination of settings that makes no sense. */
interface Rule {
  readonly path: readonly string[];
  readonly isBroken: (settings: Fields) => boolean;
  readonly message: string;
}

const RULES: readonly Rule[] = [
  {
    path: ["student", "vision"],
    isBroken: ({ student }) => {
      const vision = visionSettingsOf(student);
      return vision !== undefined && (vision.tower === undefined) === (vision.published === undefined);
    },
    message: "needs either `tower` or `published`, not both",
  },
  {
    path: ["student", "vision"],
    isBroken: ({ student, initialize }) =>
      visionSettingsOf(student)?.published !== undefined && initialize.vision !== undefined,
    message: "starts with a published tower: leave out initialize.vision",
  },
  {
    path: ["targets"],
    isBroken: ({ targets }) => sumOfShares(targets) > 1 + ROUNDING,
    message: "fractions add up to more than 1",
  },
  {
    path: ["targets", "onPolicyFraction"],
    isBroken: ({ targets, loss }) => targets.onPolicyFraction > 0 && !requiresDistributions(loss),
    message: "on-policy targets need a loss term that compares distributions, such as forwardKl",
  },
  {
    path: ["loss", "ctc"],
    isBroken: ({ loss, student }) => loss.ctc > 0 && visionSettingsOf(student) === undefined,
    message: "aligns labels with image tokens: it needs distill.student.vision",
  },
  {
    path: ["targets", "unlabelledFraction"],
    isBroken: ({ targets, student }) =>
      targets.unlabelledFraction > 0 && visionSettingsOf(student) !== undefined,
    message: "unlabelled sources have no images, which a vision-language student needs",
  },
];

export const distillConfig = fields.check(({ value, issues }) => {
  const reject = (path: readonly string[], message: string): void => {
    issues.push({ code: "custom", input: value, path: [...path], message });
  };
  for (const { path, isBroken, message } of RULES) if (isBroken(value)) reject(path, message);
  const { student, initialize, lora } = value;
  const given = { isDecoderOnly: student.architecture === "decoder-only", hasAdapters: lora !== undefined };
  for (const { key, message } of initializeProblems(initialize, given)) reject(["initialize", key], message);
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
  STORED_TARGETS.some(({ kind, fraction }) => targets[fraction] > 0 && !stored.has(kind));

/** Whether a run needs the teacher: for training, for initialization, or for the student's shape. */
export const readsTeacher = (settings: DistillConfig, stored: StoredKinds): boolean =>
  requiresTeacher(settings, stored) ||
  settings.initialize.fromTeacher !== "none" ||
  hasTeacherShape(settings.student);
