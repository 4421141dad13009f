/** The shape of a student. Its vision tower is either described, or named as a published model. */
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

const publishedTower = z.strictObject({
  model: pathOrIdSetting.describe(
    "CLIP or SigLIP: a hub id, or a directory with config.json, safetensors and preprocessor_config.json.",
  ),
  features: z
    .union([z.literal("last"), z.int().negative()])
    .optional()
    .describe(
      "Which hidden states are used: last, or an index from the end, such as -2; later layers are removed. Default: -2 for CLIP, last for SigLIP.",
    ),
  classToken: z.boolean().default(false).describe("Whether the class token's feature is included."),
});

export type PublishedTowerConfig = z.infer<typeof publishedTower>;

const studentVision = visionConfig.extend({
  tower: visionTower
    .optional()
    .describe("Vision tower, which encodes image patches. Either this or `published`."),
  published: publishedTower
    .optional()
    .describe("A published vision tower, which gives the shape and the initial weights."),
});

/** Optional in the file, so that a student without an architecture is an encoder-decoder. */
const architecture = z.literal("encoder-decoder").optional().default("encoder-decoder");

export const studentConfig = z.discriminatedUnion("architecture", [
  encoderDecoderShape.extend({
    architecture,
    vision: studentVision
      .optional()
      .describe(
        "Makes the student a vision-language model: image tokens come before the source's tokens. Default: text only.",
      ),
  }),
  decoderOnlyShape.extend({ architecture: z.literal("decoder-only") }),
]);

export type StudentConfig = z.infer<typeof studentConfig>;

/** A student with a resolved tower. */
export type StudentShape = z.infer<typeof encoderDecoderShape> | z.infer<typeof decoderOnlyShape>;

/** A published tower, read into memory. */
export interface PublishedTower {
  readonly tower: VisionTower;
  readonly weights: Weights;
  /** Its directory; the files are part of the run's key. */
  readonly directory: string;
}

/** The published tower named by a student's settings. */
export const publishedTowerOf = (student: StudentConfig): PublishedTowerConfig | undefined =>
  student.architecture === "encoder-decoder" ? student.vision?.published : undefined;

/** Resolves a published tower in the settings of a student.
 *
 * @param published the tower that the settings name.
 * @throws SlmError INPUT_MISSING if the named tower was not given.
 */
export function studentShape(student: StudentConfig, published: VisionTower | undefined): StudentShape {
  if (student.architecture === "decoder-only") return student;
  if (student.vision === undefined) return { ...student, vision: undefined };
  const { published: named, ...vision } = student.vision;
  const tower = vision.tower ?? published;
  if (tower !== undefined) return { ...student, vision: { ...vision, tower } };
  throw new SlmError(
    "INPUT_MISSING",
    `distill: the vision tower of ${named?.model ?? "no model"} was not loaded`,
  );
}
