/** Settings of replicas: data-parallel training that exchanges weights rarely. */
import { z } from "zod";

/**
 * Defaults of the outer optimizer are the best of the paper (arXiv:2311.08105, section 3.1), whose replicas go on from a pretrained model. A
 * warm-up by one machine is post-local SGD (Lin et al. 2018, arXiv:1808.07217, section 4).
 */
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
  warmupSteps: z
    .int()
    .nonnegative()
    .default(0)
    .describe(
      "Steps that one machine takes before the first round, on every batch in turn; all replicas go on from its weights and optimizer state. They count as `steps`, and the learning-rate schedule goes on. Default: none.",
    ),
  outerLearningRate: z.number().positive().default(0.7).describe("Learning rate of the outer Nesterov step."),
  outerMomentum: z.number().min(0).lt(1).default(0.9).describe("Momentum of the outer Nesterov step."),
});

export type ReplicasConfig = z.infer<typeof replicasConfig>;
