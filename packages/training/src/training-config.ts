/** How a model is trained; shared by the teacher's and the student's recipe sections. */
import { METRIC_NAMES } from "@slm/metrics";
import { z } from "zod";

/** Low-rank adapters in place of training every weight. */
export const loraSettings = z.strictObject({
  rank: z.int().positive().max(1024).describe("Inner size of each adapter."),
  alpha: z.number().positive().describe("Adapters are scaled by alpha / rank."),
  targets: z
    .array(z.string().min(1))
    .nonempty()
    .describe("Ends of the names of adapted linear weights, for example attention.query."),
});

const metric = z.enum(METRIC_NAMES);

/** What is measured on the dev split. No default: which metric tells a good answer is the task's affair. */
export const devMetrics = z
  .tuple([metric], metric, {
    error: ({ input }) =>
      input === undefined
        ? "expected what is measured, got none: name at least one metric, such as [exactMatch]"
        : undefined,
  })
  .describe(
    "Measured on the dev split; the first chooses the best checkpoint. In a recipe, default: the metric of quantize.gate.",
  );

export const trainingFields = {
  steps: z.int().positive().describe("Optimizer steps."),
  batchSize: z.int().positive().max(4096).default(64).describe("Pairs per batch."),
  gradientAccumulationSteps: z
    .int()
    .positive()
    .max(1024)
    .default(1)
    .describe("Batches whose gradients are added up, by their counted tokens, before one step."),
  optimizer: z
    .enum(["adamw", "muon"])
    .default("adamw")
    .describe("muon: orthogonalized momentum for the matrices of the layers, AdamW for everything else."),
  learningRate: z.number().positive().default(3e-3).describe("Peak learning rate."),
  schedule: z
    .enum(["cosine", "wsd"])
    .default("cosine")
    .describe(
      "After the warm-up: half a cosine down, or constant and then a decay (warm-up, stable, decay).",
    ),
  warmupSteps: z.int().nonnegative().default(200).describe("Steps of linear warm-up to the peak."),
  decayFraction: z
    .number()
    .gt(0)
    .max(1)
    .default(0.2)
    .describe("Share of the steps, at the end, in which a wsd schedule decays."),
  minLearningRateRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe("Learning rate at the last step, as a fraction of the peak."),
  weightDecay: z.number().nonnegative().default(0.01).describe("Decoupled weight decay on matrices."),
  beta1: z.number().min(0).lt(1).default(0.9).describe("AdamW: decay of the first moment."),
  beta2: z.number().min(0).lt(1).default(0.98).describe("AdamW: decay of the second moment."),
  epsilon: z.number().positive().default(1e-8).describe("AdamW: added to the root of the second moment."),
  momentum: z.number().min(0).lt(1).default(0.95).describe("Muon: decay of the momentum."),
  maxGradNorm: z
    .number()
    .positive()
    .default(1)
    .describe("Largest global gradient norm; longer gradients are scaled down."),
  dropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("Share of each block's output that is dropped at random while training."),
  emaDecay: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("Decay of a moving average of the weights that is measured and kept instead of them; 0: none."),
  gradientCheckpointing: z
    .boolean()
    .default(false)
    .describe(
      "Compute each layer's activations again in the backward pass instead of keeping them: less memory, more time.",
    ),
  lora: loraSettings.optional().describe("Train low-rank adapters only, merged into the weights at the end."),
  buckets: z
    .int()
    .positive()
    .max(64)
    .default(6)
    .describe("Length buckets; each compiles one program of fixed shape."),
  evaluateEvery: z.int().positive().default(500).describe("Steps between measurements on the dev split."),
  evaluateRows: z.int().positive().default(512).describe("Dev rows per measurement."),
  patience: z
    .int()
    .positive()
    .optional()
    .describe("Stop after this many measurements in a row without a better one. Default: never."),
  checkpointAveraging: z
    .int()
    .positive()
    .max(64)
    .default(1)
    .describe(
      "Average the weights of this many best measurements, where that is no worse than the best one.",
    ),
  saveEvery: z.int().positive().default(500).describe("Steps between resumable states on disk."),
};

/** All settings, defaults filled in. */
export const trainingSettings = z.strictObject(trainingFields);

export type TrainingSettings = z.infer<typeof trainingSettings>;
export type LoraSettings = z.infer<typeof loraSettings>;
