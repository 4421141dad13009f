/** The `student` and `distill` sections of a recipe. */
import { z } from "zod";
import { encoderDecoderShape } from "@slm/model";
import { trainingFields } from "@slm/training";

const share = (text: string): z.ZodDefault<z.ZodNumber> => z.number().min(0).max(1).default(0).describe(text);

export const distillConfig = z
  .strictObject({
    student: encoderDecoderShape.describe("Shape of the student."),
    ...trainingFields,
    klWeight: z
      .number()
      .min(0)
      .max(1)
      .default(0.9)
      .describe(
        "Weight of the forward KL divergence from the teacher; cross-entropy with the labels has the rest.",
      ),
    labelSmoothing: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe("Share of a label's probability spread over the vocabulary."),
    targets: z
      .strictObject({
        teacher: share("Share of batches whose targets the teacher generates greedily."),
        student: share("Share of batches whose targets the student samples (on-policy)."),
      })
      .prefault({})
      .describe("Where targets come from; the rest are gold."),
    temperature: z.number().positive().default(0.9).describe("Sampling temperature of student targets."),
    topK: z.int().positive().default(128).describe("Candidates kept when sampling student targets."),
  })
  .refine(({ targets }) => targets.teacher + targets.student <= 1, {
    path: ["targets"],
    message: "teacher and student shares add up to more than 1",
  });

export type DistillConfig = z.infer<typeof distillConfig>;
