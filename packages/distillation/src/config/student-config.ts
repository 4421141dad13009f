/**
 * The shape of a student: described, with a vision tower that is described or named as a published model; or the teacher's, with fewer
 * layers.
 */
import { pathOrIdSetting, SlmError } from "@slm/core";
import {
  decoderOnlySettings,
  decoderOnlyShape,
  encoderDecoderSettings,
  encoderDecoderShape,
  studentOfTeacher,
  visionConfig,
  visionProjector,
  type ModelConfig,
  visionTower,
  type VisionTower,
  wholeShape,
  type Weights,
} from "@slm/model";
import { fitResize } from "@slm/vision";
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

/** Images of a tower that is described: they fit inside a window, and samples are between -1 and 1. */
const studentImage = visionTower.shape.image
  .pick({ channels: true })
  .extend({ resize: fitResize.omit({ background: true }) });
type StudentImage = z.infer<typeof studentImage>;

/** Scales samples from [0, 1] to [-1, 1]. */
function processingOf(image: StudentImage): StudentImage & Record<"mean" | "std", readonly number[]> {
  const halves = (): readonly number[] => Array.from({ length: image.channels }, () => 0.5);
  return { ...image, mean: halves(), std: halves() };
}

/** A tower that is described. What only published towers have is left out. */
const studentTower = visionTower
  .pick({ patch: true, width: true, layers: true, heads: true, feedForward: true, convolution: true })
  .extend({
    image: studentImage,
    patchNorm: visionTower.shape.patchNorm,
    normEpsilon: visionTower.shape.normEpsilon,
  });

const studentVision = visionConfig.extend({
  projector: visionProjector
    .omit({ kind: true })
    .optional()
    .describe("Projects the tower's output to tokens of the model's width."),
  tower: studentTower
    .optional()
    .describe("Vision tower, which encodes image patches. Either this or `published`."),
  published: publishedTower
    .optional()
    .describe("A published vision tower, which gives the shape and the initial weights."),
});

/** Optional in the file, so that a student without an architecture is an encoder-decoder. */
const architecture = z.literal("encoder-decoder").optional().default("encoder-decoder");

/** Without a default, so that students which are described are written back unchanged. */
const own = z
  .literal("own")
  .optional()
  .describe("own: the student's sizes are given here. Default, unless it is teacher.");

const describedStudent = z.discriminatedUnion("architecture", [
  encoderDecoderSettings
    .extend({
      architecture,
      vision: studentVision
        .optional()
        .describe(
          "Makes the student a vision-language model: image tokens come before the source's tokens. Default: text only.",
        ),
      shape: own,
    })
    .transform(wholeShape),
  decoderOnlySettings.extend({ architecture: z.literal("decoder-only"), shape: own }).transform(wholeShape),
]);

const { maxSource, maxTarget } = encoderDecoderShape.shape;
const count = z.int().positive();

const teacherStudent = z
  .strictObject({
    shape: z
      .literal("teacher")
      .describe(
        "teacher: heads, activation, norms and rotation are those of the teacher, a decoder-only model.",
      ),
    architecture: z
      .enum(["encoder-decoder", "decoder-only"])
      .default("encoder-decoder")
      .describe("Architecture of the student."),
    encoderLayers: count
      .optional()
      .describe("Encoder layers, at most as many as the teacher has; of an encoder-decoder."),
    decoderLayers: count.describe("Decoder layers, at most as many as the teacher has."),
    maxSource,
    maxTarget,
    width: count.optional().describe("Model width [elements]. Default: the teacher's."),
    heads: count
      .optional()
      .describe("Query heads per attention, whole groups of the teacher's. Default: the teacher's."),
    kvHeads: count
      .optional()
      .describe(
        "Key/value heads per attention. Default: as many as keep the teacher's number of query heads for each.",
      ),
    feedForward: count
      .optional()
      .describe("Inner width of the feed-forward block [elements]. Default: the teacher's."),
    tieWordEmbeddings: z
      .boolean()
      .optional()
      .describe(
        "Whether the output head is the embedding table. With a smaller width, a head of its own lets the states be rotated before they are cut. Default: the teacher's.",
      ),
  })
  .check(({ value, issues }) => {
    if ((value.architecture === "encoder-decoder") === (value.encoderLayers !== undefined)) return;
    const message =
      value.architecture === "decoder-only"
        ? "a decoder-only student has no encoder"
        : "expected a number of layers";
    issues.push({ code: "custom", input: value, path: ["encoderLayers"], message });
  });

/** A published encoder-decoder, which has options that no recipe offers. */
const importedStudent = z
  .strictObject({
    shape: z
      .literal("imported")
      .describe("imported: an encoder-decoder that `slm import` wrote, to train it further."),
    architecture,
    config: z
      .record(z.string(), z.unknown())
      .describe("What its config.json says, without vocabularySize and tokens."),
  })
  .check(({ value: { config }, issues }) => {
    const { error } = encoderDecoderShape.safeParse(config);
    for (const { path, message } of error?.issues ?? [])
      issues.push({ code: "custom", input: config, path: ["config", ...path], message });
  });

/** A student in a recipe. A size's name alone is a whole student. */
export const studentConfig = z.preprocess(
  (value) => (typeof value === "string" ? { size: value } : value),
  z.discriminatedUnion("shape", [teacherStudent, importedStudent, describedStudent]),
);

export type StudentConfig = z.infer<typeof studentConfig>;

/** Whether a student's shape is known only with its teacher's. */
export const hasTeacherShape = ({ shape }: StudentConfig): boolean => shape === "teacher";

/** The vision settings of a student; undefined for a text-only one. */
export const visionSettingsOf = (student: StudentConfig): z.infer<typeof studentVision> | undefined =>
  student.shape !== "teacher" && student.shape !== "imported" && student.architecture === "encoder-decoder"
    ? student.vision
    : undefined;

/** Longest source and target of a student [tokens]. */
export const studentLengths = (student: StudentConfig): Pick<StudentShape, "maxSource" | "maxTarget"> =>
  student.shape === "imported" ? encoderDecoderShape.parse(student.config) : student;

/** A student with a resolved tower, and sizes of its own. */
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
  visionSettingsOf(student)?.published;

/** What the settings of a student name, read. */
export interface NamedModels {
  /** The published tower. */
  readonly tower?: VisionTower | undefined;
  /** The teacher's configuration. */
  readonly teacher?: ModelConfig | undefined;
}

/** Resolves a published tower, or the teacher's sizes, in the settings of a student.
 *
 * @throws SlmError INPUT_MISSING if the named tower or the teacher was not given, CONFIG_INVALID for sizes that the teacher does not
 * allow.
 */
export function studentShape(
  student: StudentConfig,
  { tower: published, teacher }: NamedModels,
): StudentShape {
  if (student.shape === "teacher") {
    if (teacher === undefined)
      throw new SlmError(
        "INPUT_MISSING",
        "distill: the student has its teacher's shape, but there is no teacher",
        {
          suggestions: ["add a teacher section to the recipe, or give the student's sizes"],
        },
      );
    return studentOfTeacher(student, teacher);
  }
  if (student.shape === "imported") return encoderDecoderShape.parse(student.config);
  const described = { ...student };
  delete described.shape;
  if (described.architecture === "decoder-only") return decoderOnlyShape.parse(described);
  if (described.vision === undefined) return encoderDecoderShape.parse(described);
  const { published: named, ...vision } = described.vision;
  const { tower: given } = vision;
  const tower = given === undefined ? published : { ...given, image: processingOf(given.image) };
  if (tower !== undefined) return encoderDecoderShape.parse({ ...described, vision: { ...vision, tower } });
  throw new SlmError(
    "INPUT_MISSING",
    `distill: the vision tower of ${named?.model ?? "no model"} was not loaded`,
  );
}
