/** Settings for fine-tuning a text teacher: LoRA adapters are trained on the task's rows with the prompt, and merged. */
import { devMetrics, trainingFields, trainingSettings, type TrainingSettings } from "@slm/training";
import { z } from "zod";

export const finetuneConfig = z.strictObject({
  steps: trainingFields.steps,
  buckets: trainingFields.buckets,
  evaluateEvery: trainingFields.evaluateEvery,
  evaluateRows: trainingFields.evaluateRows,
  batchSize: z.int().positive().max(4096).default(8).describe("Pairs per batch."),
  learningRate: z.number().positive().default(3e-4).describe("Peak learning rate."),
  warmupSteps: z.int().nonnegative().default(20).describe("Steps of linear warm-up to the peak."),
  metrics: devMetrics,
});

/** Rank of the adapters on every linear layer. */
const RANK = 16;

/** Converts the settings to training settings: adapters, AdamW, cosine schedule, no weight averaging. */
export const finetuneTraining = (settings: FinetuneConfig): TrainingSettings =>
  z.object(trainingSettings.shape).parse({ ...settings, lora: RANK });

export type FinetuneConfig = z.infer<typeof finetuneConfig>;
