/** The shape of a student, whose tower may be named instead of described. */
import { pathOrIdSetting, SlmError } from "@slm/core";
import {
  decoderOnlyShape,
  encoderDecoderShape,
  visionConfig,
  visionTower,
  type VisionTower,
  type Weights,
} from "@slm/model";
import { z } from "zod";

export const publishedTower = z.strictObject({
  model: pathOrIdSetting.describe(
    "CLIP or SigLIP: a hub id, or a directory with config.json, safetensors and preprocessor_config.json.",
  ),
  features: z
    .union([z.literal("last"), z.int().negative()])
    .optional()
    .describe(
      "Which features are read: last, or a place among the hidden states from the end, such as -2; layers behind it are left out. Default: -2 of CLIP, the last of SigLIP.",
    ),
  classToken: z
    .boolean()
    .default(false)
    .describe("Whether the class token's feature is among those that are read."),
});

export type PublishedTowerConfig = z.infer<typeof publishedTower>;

const studentVision = visionConfig.extend({
  tower: visionTower.optional().describe("Reads patches. Either this or `published`."),
  published: publishedTower
    .optional()
    .describe("A published tower: the student's has its shape and starts with its weights."),
});

/** Optional in the file, so that a student without an architecture is an encoder-decoder. */
const architecture = z.literal("encoder-decoder").optional().default("encoder-decoder");

export const studentConfig = z.discriminatedUnion("architecture", [
  encoderDecoderShape.extend({
    architecture,
    vision: studentVision
      .optional()
      .describe("Sees an image: its tokens come before the source's. Default: reads text only."),
  }),
  decoderOnlyShape.extend({ architecture: z.literal("decoder-only") }),
]);

export type StudentConfig = z.infer<typeof studentConfig>;

/** A student whose tower is described. */
export type StudentShape = z.infer<typeof encoderDecoderShape> | z.infer<typeof decoderOnlyShape>;

/** A published tower, read into memory. */
export interface PublishedTower {
  readonly tower: VisionTower;
  readonly weights: Weights;
  /** Where it lies: its files are part of what a run is. */
  readonly directory: string;
}

/** The published tower that a student's settings name. */
export const publishedTowerOf = (student: StudentConfig): PublishedTowerConfig | undefined =>
  student.architecture === "encoder-decoder" ? student.vision?.published : undefined;

/**
 * The settings of a student with its tower described.
 *
 * @param published the tower that the settings name.
 * @throws SlmError INPUT_MISSING if they name one that was not given.
 */
export function studentShape(student: StudentConfig, published: VisionTower | undefined): StudentShape {
  if (student.architecture === "decoder-only") return student;
  if (student.vision === undefined) return { ...student, vision: undefined };
  const { published: named, ...vision } = student.vision;
  const tower = vision.tower ?? published;
  if (tower !== undefined) return { ...student, vision: { ...vision, tower } };
  throw new SlmError("INPUT_MISSING", `distill: nobody read the tower of ${named?.model ?? "no model"}`);
}
