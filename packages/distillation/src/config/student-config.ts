/**
 * The shape of a student: sizes from the recipe, or the teacher's shape with fewer layers. A vision tower has sizes from the recipe or is a
 * published model.
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

/** Preprocessing of a tower with sizes from the recipe: images are fitted into a window and scaled to [-1, 1]. */
const studentImage = visionTower.shape.image
  .pick({ channels: true })
  .extend({ resize: fitResize.omit({ background: true }) });
type StudentImage = z.infer<typeof studentImage>;

/** Scales samples from [0, 1] to [-1, 1]. */
function processingOf(image: StudentImage): StudentImage & Record<"mean" | "std", readonly number[]> {
  const halves = (): readonly number[] => Array.from({ length: image.channels }, () => 0.5);
  return { ...image, mean: halves(), std: halves() };
}

/** A tower with sizes from the recipe, without the options of published towers. */
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
    .describe("Projector from the tower's output to the model's width."),
  tower: studentTower
    .optional()
    .describe("Vision tower, which encodes image patches. Either this or `published`."),
  published: pathOrIdSetting
    .optional()
    .describe(
      "Published vision tower, used for shape and initial weights: the hub id of a CLIP or SigLIP model, or a directory with config.json, safetensors and preprocessor_config.json.",
    ),
});

/** Optional in the recipe: encoder-decoder is the default. */
const architecture = z.literal("encoder-decoder").optional().default("encoder-decoder");

/** No default, so that recipes with sizes are written back unchanged. */
const own = z.literal("own").optional().describe("own: set the student's sizes here. This is the default.");

const describedStudent = z.discriminatedUnion("architecture", [
  encoderDecoderSettings
    .extend({
      architecture,
      vision: studentVision
        .optional()
        .describe(
          "Make the student a vision-language model: image tokens precede the source's tokens. Default: text only.",
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
        "teacher: copy heads, activation, norms and RoPE settings from the teacher, a decoder-only model.",
      ),
    architecture: z
      .enum(["encoder-decoder", "decoder-only"])
      .default("encoder-decoder")
      .describe("Architecture of the student."),
    encoderLayers: count
      .optional()
      .describe("Encoder layers of an encoder-decoder; at most the teacher's number."),
    decoderLayers: count.describe("Decoder layers; at most the teacher's number."),
    maxSource,
    maxTarget,
    width: count.optional().describe("Model width [elements]. Default: the teacher's."),
    heads: count
      .optional()
      .describe("Query heads per attention; a multiple of the teacher's group size. Default: the teacher's."),
    kvHeads: count
      .optional()
      .describe("Key/value heads per attention. Default: keep the teacher's group size."),
    feedForward: count
      .optional()
      .describe("Inner width of the feed-forward block [elements]. Default: the teacher's."),
    tieWordEmbeddings: z
      .boolean()
      .optional()
      .describe(
        "Share the output head with the embedding table. " +
          "With a smaller width, a separate head allows a rotation before dimensions are removed. Default: the teacher's.",
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

/** A published encoder-decoder. It has options that recipes do not have. */
const importedStudent = z
  .strictObject({
    shape: z
      .literal("imported")
      .describe("imported: continue training an encoder-decoder that `slm import` wrote."),
    architecture,
    config: z
      .record(z.string(), z.unknown())
      .describe("The model's config.json without vocabularySize and tokens."),
  })
  .check(({ value: { config }, issues }) => {
    const { error } = encoderDecoderShape.safeParse(config);
    for (const { path, message } of error?.issues ?? [])
      issues.push({ code: "custom", input: config, path: ["config", ...path], message });
  });

/** A student in a recipe. A size name alone is enough. */
export const studentConfig = z.preprocess(
  (value) => (typeof value === "string" ? { size: value } : value),
  z.discriminatedUnion("shape", [teacherStudent, importedStudent, describedStudent]),
);

export type StudentConfig = z.infer<typeof studentConfig>;

/** Whether a student's shape depends on the teacher's. */
export const hasTeacherShape = ({ shape }: StudentConfig): boolean => shape === "teacher";

/** The vision settings of a student; undefined for a text-only one. */
export const visionSettingsOf = (student: StudentConfig): z.infer<typeof studentVision> | undefined =>
  student.shape !== "teacher" && student.shape !== "imported" && student.architecture === "encoder-decoder"
    ? student.vision
    : undefined;

/** Longest source and target of a student [tokens]. */
export const studentLengths = (student: StudentConfig): Pick<StudentShape, "maxSource" | "maxTarget"> =>
  student.shape === "imported" ? encoderDecoderShape.parse(student.config) : student;

/** A student with its resolved tower and sizes. */
export type StudentShape = z.infer<typeof encoderDecoderShape> | z.infer<typeof decoderOnlyShape>;

/** A published tower, read into memory. */
export interface PublishedTower {
  readonly tower: VisionTower;
  readonly weights: Weights;
  /** Its directory; its files are part of the run's key. */
  readonly directory: string;
}

/** The published tower named by a student's settings. */
export const publishedTowerOf = (student: StudentConfig): string | undefined =>
  visionSettingsOf(student)?.published;

/** Models that a student's settings refer to. */
export interface NamedModels {
  /** The published tower. */
  readonly tower?: VisionTower | undefined;
  /** The teacher's configuration. */
  readonly teacher?: ModelConfig | undefined;
}

/** Replaces a published tower or the teacher's sizes in a student's settings by their values.
 *
 * @throws SlmError INPUT_MISSING if the tower or the teacher is missing, CONFIG_INVALID for sizes that the teacher does not
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
        "distill: the student uses the teacher's shape, but the recipe has no teacher",
        {
          suggestions: ["add a teacher section to the recipe, or set the student's sizes"],
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
  throw new SlmError("INPUT_MISSING", `distill: the vision tower of ${named ?? "no model"} was not loaded`);
}
