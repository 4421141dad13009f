/** How a model is trained; shared by the teacher's and the student's recipe sections. */
import { z } from "zod";

export const trainingFields = {
  steps: z.int().positive().describe("Optimizer steps."),
  batchSize: z.int().positive().max(4096).default(64).describe("Pairs per step."),
  learningRate: z.number().positive().default(3e-3).describe("Peak learning rate."),
  warmupSteps: z.int().nonnegative().default(200).describe("Steps of linear warm-up to the peak."),
  finalLearningRate: z
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe("Learning rate at the last step, as a fraction of the peak (cosine)."),
  weightDecay: z.number().nonnegative().default(0.01).describe("Decoupled weight decay on matrices (AdamW)."),
  beta1: z.number().min(0).lt(1).default(0.9).describe("Decay of the first moment."),
  beta2: z.number().min(0).lt(1).default(0.98).describe("Decay of the second moment."),
  epsilon: z.number().positive().default(1e-8).describe("Added to the root of the second moment."),
  clipNorm: z
    .number()
    .positive()
    .default(1)
    .describe("Largest global gradient norm; longer gradients are scaled down."),
  buckets: z
    .int()
    .positive()
    .max(64)
    .default(6)
    .describe("Length buckets; each compiles one program of fixed shape."),
  evaluateEvery: z.int().positive().default(500).describe("Steps between measurements on the dev split."),
  evaluateRows: z.int().positive().default(512).describe("Dev rows per measurement."),
  saveEvery: z.int().positive().default(500).describe("Steps between resumable states on disk."),
};

export type TrainingSettings = z.infer<z.ZodObject<typeof trainingFields>>;
