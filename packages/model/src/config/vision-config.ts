/** Vision part of a model: the tower, which encodes patches, and the projector, which turns the tower's output into tokens. */
import { z } from "zod";
import { SlmError } from "@slm/core";
import {
  checkPatchReading,
  imageProcessing,
  MAX_INPUT_SIDE,
  patchRowsShape,
  patchSize,
  processedSize,
  type PatchReading,
} from "@slm/vision";

const MAX_SIZE = 1 << 16;
const size = z.int().positive().max(MAX_SIZE);
const side = z.int().positive().max(MAX_INPUT_SIDE);

/** Side of a kernel; odd, so that the kernel has a centre. */
const kernelSide = z
  .int()
  .positive()
  .max(15)
  .refine((length) => length % 2 === 1, "the sides of a kernel must be odd");

const convolution = z.strictObject({
  layers: z.int().positive().max(64).describe("Number of residual convolution layers."),
  height: kernelSide.describe("Kernel height [patches], an odd number."),
  width: kernelSide.describe("Kernel width [patches], an odd number."),
});

export const visionTower = z.strictObject({
  image: imageProcessing.describe("Image preprocessing for this tower."),
  patch: patchSize.describe("Size of a patch, which becomes one token [pixels]."),
  width: size.describe("Tower width [elements]; must be a multiple of heads."),
  layers: z
    .int()
    .positive()
    .max(1024)
    .describe("Number of layers that run; later layers of a pretrained tower are removed."),
  heads: size.describe("Heads per attention."),
  feedForward: size.describe("Inner width of the feed-forward block [elements]."),
  activation: z
    .enum(["gelu", "quickGelu"])
    .default("gelu")
    .describe("Activation between the two feed-forward layers; gelu is the tanh approximation."),
  classToken: z
    .enum(["none", "dropped", "kept"])
    .default("none")
    .describe("Class token (CLS) before the patches; dropped: it is removed from the tower's output."),
  convolution: convolution
    .optional()
    .describe(
      "Convolution layers over the grid of patches before the attention layers, so that the tower need not learn locality. Default: none.",
    ),
  patchNorm: z
    .boolean()
    .optional()
    .describe(
      "Apply layer norm to the pixels of each patch, which removes brightness and contrast. Default: false.",
    ),
  patchBias: z.boolean().default(true).describe("Whether the patch embedding has a bias."),
  inputNorm: z.boolean().default(false).describe("Layer norm before the first layer, as in CLIP."),
  outputNorm: z.boolean().default(true).describe("Layer norm after the last layer, as in SigLIP."),
  normEpsilon: z.number().positive().default(1e-6).describe("Added to the variance in layer norms."),
});

export const visionProjector = z.strictObject({
  kind: z.literal("mlp").default("mlp").describe("linear, gelu, linear."),
  hidden: size.optional().describe("Width between the two layers [elements]. Default: the model's width."),
  pool: z
    .strictObject({
      kind: z.enum(["average", "bilinear"]).describe("Method: average pooling, or bilinear interpolation."),
      height: side.describe("Rows of tokens after pooling."),
      width: side.describe("Columns of tokens after pooling."),
    })
    .optional()
    .describe("Pools the grid of patches before the projection. Default: one token per patch."),
});

export const visionConfig = z.strictObject({
  tower: visionTower.describe("Reads patches."),
  projector: visionProjector
    .default({ kind: "mlp" })
    .describe("Projects the tower's output to tokens of the model's width."),
  prompt: z
    .string()
    .min(1)
    .optional()
    .describe("Prompt for an image without a text. Default: none; a text is required."),
});

export type VisionTower = z.infer<typeof visionTower>;
export type VisionProjector = z.infer<typeof visionProjector>;
export type VisionConfig = z.infer<typeof visionConfig>;

interface Grid {
  readonly height: number;
  readonly width: number;
}

/** Rows and columns of patches; leftover pixels at the right and bottom edges are ignored. */
export function patchGrid({ image, patch }: VisionTower): Grid {
  const { height, width } = processedSize(image);
  return { height: Math.floor(height / patch.height), width: Math.floor(width / patch.width) };
}

/** How images become the input rows of a tower. */
export const patchReadingOf = ({ image, patch, classToken }: VisionTower): PatchReading => ({
  image,
  patch,
  classToken: classToken !== "none",
});

/** Rows of the tower's input: one for the class token, if there is one, and one per patch. */
export const towerTokens = (tower: VisionTower): number => patchRowsShape(patchReadingOf(tower))[0];

/** Numbers per patch. */
export const patchValues = (tower: VisionTower): number => patchRowsShape(patchReadingOf(tower))[1];

/** Number of image tokens before the text. */
export function imageTokenCount({ tower, projector: { pool } }: VisionConfig): number {
  if (pool !== undefined) return pool.height * pool.width;
  return towerTokens(tower) - (tower.classToken === "dropped" ? 1 : 0);
}

/**
 * Checks what the schema cannot express: patches must fit into the image, heads must divide the width, and the pool must fit the grid.
 *
 * @throws SlmError CONFIG_INVALID
 */
export function checkTower(tower: VisionTower, where: string): void {
  const fail = (reason: string): SlmError => new SlmError("CONFIG_INVALID", `${where}: ${reason}`);
  checkPatchReading(tower, where);
  if (tower.width % tower.heads !== 0) throw fail(`heads ${tower.heads} do not divide width ${tower.width}`);
  if (tower.convolution !== undefined && tower.classToken !== "none")
    throw fail("convolution does not work with a class token; set classToken: none, or remove convolution");
}

/** Like {@link checkTower}, including the projector. @throws SlmError CONFIG_INVALID */
export function checkVision({ tower, projector: { pool } }: VisionConfig, where: string): void {
  checkTower(tower, `${where}.tower`);
  if (pool === undefined) return;
  const grid = patchGrid(tower);
  const fail = (reason: string): SlmError =>
    new SlmError("CONFIG_INVALID", `${where}.projector.pool: ${reason}`);
  if (pool.height > grid.height || pool.width > grid.width)
    throw fail(`${pool.height} x ${pool.width} of a grid of ${grid.height} x ${grid.width}`);
  if (tower.classToken === "kept")
    throw fail("pooling does not work with a class token; set classToken: dropped");
}
