/** The `draftHeads` of the `distill` section. */
import { draftHeadCount } from "@slm/model";
import { z } from "zod";

/** Part of the student's steps that the heads are trained for by default: their steps cost less, since the student has no gradient. */
const SHARE_OF_STEPS = 0.5;

/** Heads start from random weights whatever the student's optimizer is, so their learning rate is that of AdamW's default. */
const LEARNING_RATE = 3e-3;

export const draftFields = {
  draftHeads: draftHeadCount
    .optional()
    .describe(
      "Draft heads: how many tokens after the next one the decoder predicts as well, so that an answer takes fewer runs of it. They are trained after the student, which stays as it is. Default: none [tokens].",
    ),
  draftTraining: z
    .strictObject({
      steps: z
        .int()
        .positive()
        .optional()
        .describe(`Optimizer steps of the draft heads. Default: ${SHARE_OF_STEPS} times the student's.`),
      learningRate: z
        .number()
        .positive()
        .optional()
        .describe(`Peak learning rate of the draft heads, with AdamW. Default: ${LEARNING_RATE}.`),
    })
    .optional()
    .describe("How the draft heads are trained. Default: as its keys say."),
};

type DraftFields = z.infer<z.ZodObject<typeof draftFields>>;

export interface DraftSchedule {
  readonly steps: number;
  readonly learningRate: number;
}

/** Steps and learning rate of the heads, with defaults filled in. */
export function draftSchedule(
  { draftTraining: given }: Pick<DraftFields, "draftTraining">,
  studentSteps: number,
): DraftSchedule {
  return {
    steps: given?.steps ?? Math.max(1, Math.round(SHARE_OF_STEPS * studentSteps)),
    learningRate: given?.learningRate ?? LEARNING_RATE,
  };
}
