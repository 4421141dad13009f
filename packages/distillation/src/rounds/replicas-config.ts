/** Settings of replicas: data-parallel training that exchanges weights rarely. */
import { z } from "zod";

/** Defaults of the outer optimizer are the best of the paper (arXiv:2311.08105, section 3.1). */
export const replicasConfig = z.strictObject({
  count: z
    .int()
    .min(1)
    .max(1024)
    .describe(
      "Replicas. Each trains `steps` of the section on every count-th batch, so together they read count times as many rows.",
    ),
  innerSteps: z
    .int()
    .positive()
    .default(500)
    .describe("Steps of every replica between two averages of the weights: a round."),
  outerLearningRate: z.number().positive().default(0.7).describe("Learning rate of the outer Nesterov step."),
  outerMomentum: z.number().min(0).lt(1).default(0.9).describe("Momentum of the outer Nesterov step."),
});

export type ReplicasConfig = z.infer<typeof replicasConfig>;
