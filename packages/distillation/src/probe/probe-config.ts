/** The `probe` part of the `distill` section: short trainings before the long one, which show what the teacher is worth. */
import { z } from "zod";

export const probeConfig = z.strictObject({
  steps: z
    .int()
    .positive()
    .default(200)
    .describe("Steps of each probe student. Its learning rate decays within these steps."),
  rows: z.int().positive().default(256).describe("Dev rows that the teacher and every probe student answer."),
  unlabelledFractions: z
    .array(z.number().gt(0).lt(1))
    .nonempty()
    .max(8)
    .default([0.5, 0.25, 0.75])
    .describe(
      "Fractions of batches of teacher-labelled rows. The first is used for the comparison; the others are tried if teacher labels help.",
    ),
  apply: z
    .boolean()
    .default(true)
    .describe("Train with the loss and the targets of the chosen arm. false: only report."),
});

export type ProbeConfig = z.infer<typeof probeConfig>;
