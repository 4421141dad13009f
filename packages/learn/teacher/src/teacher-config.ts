/** The `teacher` section of a recipe: where the decoder-only teacher comes from. */
import { z } from "zod";
import { decoderOnlyShape } from "@slm/model";
import { trainingFields } from "@slm/training";

export const trainedTeacher = z.strictObject({
  kind: z.literal("train").describe("Train a decoder-only teacher on the recipe's data."),
  model: decoderOnlyShape.describe("Shape of the teacher."),
  labelSmoothing: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("Share of the label's probability spread over the vocabulary."),
  ...trainingFields,
});

export const teacherConfig = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("embedded").describe("The teacher that comes with slm."),
    name: z.enum(["g2p"]).default("g2p").describe("Which embedded teacher."),
  }),
  z.strictObject({
    kind: z.literal("checkpoint").describe("A decoder-only checkpoint on disk."),
    path: z.string().min(1).describe("Checkpoint directory."),
  }),
  trainedTeacher,
]);

export type TeacherConfig = z.infer<typeof teacherConfig>;
export type TrainedTeacherConfig = z.infer<typeof trainedTeacher>;
