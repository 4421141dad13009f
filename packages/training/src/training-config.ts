/** How a model is trained; shared by the teacher's and the student's recipe sections. */
import { metricName } from "@slm/metrics";
import { PRECISIONS } from "@slm/tensor";
import { z } from "zod";

const metric = metricName;

/** Metrics on the dev split. No default, because the right metric depends on the task. */
export const devMetrics = z
  .tuple([metric], metric, {
    error: ({ input }) =>
      input === undefined ? "expected at least one metric, such as [exactMatch], got none" : undefined,
  })
  .describe(
    "Metrics on the dev split; the first chooses the best checkpoint, on ties the next one. In a recipe: metrics.",
  );

export const trainingFields = {
  steps: z
    .int()
    .positive()
    .describe(
      "Optimizer steps, at most: a training ends early when its dev metrics are perfect or have not got better in 10 evaluations.",
    ),
  batchSize: z.int().positive().max(4096).default(64).describe("Batch size [pairs]."),
  gradientAccumulationSteps: z
    .int()
    .positive()
    .max(1024)
    .default(1)
    .describe("Batches per optimizer step. Their gradients are averaged, weighted by loss tokens."),
  optimizer: z
    .enum(["adamw", "muon"])
    .default("adamw")
    .describe("muon: orthogonalized momentum for the matrices of the layers, AdamW for everything else."),
  learningRate: z.number().positive().default(3e-3).describe("Peak learning rate."),
  schedule: z
    .enum(["cosine", "wsd"])
    .default("cosine")
    .describe(
      "Learning rate after the warm-up: cosine decay, or wsd (warm-up, stable, decay): constant, then 1 - sqrt decay.",
    ),
  warmupSteps: z.int().nonnegative().default(200).describe("Steps of linear warm-up to the peak."),
  decayFraction: z
    .number()
    .gt(0)
    .max(1)
    .default(0.2)
    .describe(
      "Fraction of the steps, at the end, during which the learning rate decays: of wsd, and of a run that stops early.",
    ),
  weightDecay: z.number().nonnegative().default(0.01).describe("Decoupled weight decay on matrices."),
  dropout: z.number().min(0).lt(1).default(0).describe("Dropout rate of each block's output."),
  emaDecay: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe(
      "Decay of an exponential moving average (EMA) of the weights, which is then evaluated and saved instead of the weights; 0 disables it.",
    ),
  gradientCheckpointing: z
    .boolean()
    .default(false)
    .describe(
      "Gradient checkpointing: compute each layer's activations a second time, in the backward pass. Uses less memory and more time.",
    ),
  mixedPrecision: z
    .enum(PRECISIONS)
    .optional()
    .describe(
      "Number format of the products: float16 (with loss scaling) for GPUs, bfloat16 for CUDA. Weights, moments, norms, softmax and losses stay float32. Default: float32.",
    ),
  lora: z
    .int()
    .positive()
    .max(1024)
    .optional()
    .describe(
      "LoRA: train only low-rank adapters of this rank on every linear layer, such as 16, and merge them into the weights at the end.",
    ),
  buckets: z
    .int()
    .positive()
    .max(64)
    .default(6)
    .describe("Length buckets; each compiles one program of fixed shape."),
  evaluateEvery: z.int().positive().default(500).describe("Steps between measurements on the dev split."),
  evaluateRows: z.int().positive().default(512).describe("Dev rows per measurement."),
  checkpointAveraging: z
    .int()
    .positive()
    .max(64)
    .default(1)
    .describe(
      "Checkpoint averaging: average the weights of this many best measurements, if the average is not worse than the best one.",
    ),
};

/** All settings, with defaults filled in. */
export const trainingSettings = z.strictObject(trainingFields);

/**
 * Optimizer constants that recipes cannot set, because no other values were better. Kingma and Ba 2015 (arXiv:1412.6980), with a faster decay of
 * the second moment, as for Transformers (arXiv:1706.03762, section 5.3); Muon's momentum is from its authors.
 */
export const OPTIMIZER = {
  /** AdamW: decay of the first moment. */
  beta1: 0.9,
  /** AdamW: decay of the second moment. */
  beta2: 0.98,
  /** AdamW: added to the root of the second moment. */
  epsilon: 1e-8,
  /** Muon: decay of the momentum. */
  momentum: 0.95,
  /** Largest global norm of a gradient; larger ones are scaled down to it. */
  maxGradNorm: 1,
  /** Learning rate at the last step, as a fraction of the peak. */
  minLearningRateRatio: 0.02,
} as const;

export type TrainingSettings = z.infer<typeof trainingSettings>;
