/** The `distill` section of a recipe: the student, its initialization, loss, targets and training. */
import { devMetrics, frozenModules, trainingFields } from "@slm/training";
import { z } from "zod";
import { requiresDistributions, lossConfig } from "./loss-config.js";
import { initializeConfig, initializeProblems } from "./initialize-config.js";
import { quantizedTraining } from "./quantize-config.js";
import { hasTeacherShape, studentConfig, visionSettingsOf } from "./student-config.js";
import { sumOfShares, ROUNDING, targetsConfig } from "./target-shares.js";

const fields = z.strictObject({
  student: studentConfig.describe(
    "Shape of the student; architecture: encoder-decoder (default) or decoder-only.",
  ),
  ...trainingFields,
  steps: z
    .int()
    .nonnegative()
    .describe("Optimizer steps. With 0, only phase `quantize` trains, from initialize.student."),
  quantize: quantizedTraining
    .optional()
    .describe(
      "Quantization-aware training as a last phase: the student learns from itself and from labels while its weights are rounded.",
    ),
  seed: z
    .int()
    .nonnegative()
    .optional()
    .describe(
      "Seed of initial weights, data order and dropout. Default: the recipe's seed. Students with different seeds can share data and caches.",
    ),
  frozen: frozenModules
    .optional()
    .describe(
      "Modules that are not trained: text (encoder and decoder), tower (which encodes image patches), projector (from the tower's outputs to image tokens).",
    ),
  loss: lossConfig.prefault({}).describe("Loss: a weighted sum of terms."),
  targets: targetsConfig
    .prefault({})
    .describe("Fractions of batches by the source of their targets; the rest have gold targets."),
  initialize: initializeConfig.prefault({}).describe("Initialization of the student."),
  metrics: devMetrics,
});

type Fields = z.infer<typeof fields>;

/** An invalid combination of settings. */
interface Rule {
  readonly path: readonly string[];
  readonly isBroken: (settings: Fields) => boolean;
  readonly message: string;
}

const RULES: readonly Rule[] = [
  {
    path: ["steps"],
    isBroken: ({ steps, quantize, initialize }) =>
      steps === 0 && (quantize === undefined || initialize.student === undefined),
    message: "0 steps train nothing: set distill.quantize and distill.initialize.student, or more steps",
  },
  {
    path: ["quantize"],
    isBroken: ({ quantize, lora }) => quantize !== undefined && lora !== undefined,
    message: "this phase trains all weights: remove lora",
  },
  {
    path: ["student", "vision"],
    isBroken: ({ student }) => {
      const vision = visionSettingsOf(student);
      return vision !== undefined && (vision.tower === undefined) === (vision.published === undefined);
    },
    message: "set either `tower` or `published`, not both",
  },
  {
    path: ["targets"],
    isBroken: ({ targets }) => sumOfShares(targets) > 1 + ROUNDING,
    message: "the sum of the fractions exceeds 1",
  },
  {
    path: ["targets", "onPolicyFraction"],
    isBroken: ({ targets, loss }) => targets.onPolicyFraction > 0 && !requiresDistributions(loss),
    message: "on-policy targets need a loss term that compares distributions, such as forwardKl",
  },
  {
    path: ["loss", "ctc"],
    isBroken: ({ loss, student }) => loss.ctc > 0 && visionSettingsOf(student) === undefined,
    message: "this term aligns labels with image tokens, so it requires distill.student.vision",
  },
  {
    path: ["targets", "unlabelledFraction"],
    isBroken: ({ targets, student }) =>
      targets.unlabelledFraction > 0 && visionSettingsOf(student) !== undefined,
    message: "unlabelled sources have no images, but a vision-language student requires images",
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

/** Whether a loss term compares the student with the teacher during training. */
export const requiresTeacher = ({ loss }: DistillConfig): boolean => requiresDistributions(loss);

/** Whether a run needs the teacher for training, for initialization, or for the student's shape. */
export const readsTeacher = (settings: DistillConfig): boolean =>
  requiresTeacher(settings) ||
  settings.initialize.fromTeacher !== "none" ||
  hasTeacherShape(settings.student);
