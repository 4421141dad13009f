/** How a model sees: the tower that reads patches, and the projector that makes tokens of what it found. */
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

/** Odd, so that a kernel has a middle. */
const kernelSide = z
  .int()
  .positive()
  .max(15)
  .refine((length) => length % 2 === 1, "a kernel has a middle: its sides are odd");

const convolution = z.strictObject({
  layers: z.int().positive().max(64).describe("Layers, each added to what it reads."),
  height: kernelSide.describe("Rows of patches that are read together, an odd number."),
  width: kernelSide.describe("Columns of patches, an odd number."),
});

export const visionTower = z.strictObject({
  image: imageProcessing.describe("How images become the numbers that this tower reads."),
  patch: patchSize.describe("Pixels that become one token."),
  width: size.describe("Tower width [elements]; the heads divide it."),
  layers: z.int().positive().max(1024).describe("Layers whose result is read; those after it are left out."),
  heads: size.describe("Heads per attention."),
  feedForward: size.describe("Inner width of the feed-forward block [elements]."),
  activation: z
    .enum(["gelu", "quickGelu"])
    .default("gelu")
    .describe("Between the two feed-forward layers; gelu in its tanh form."),
  classToken: z
    .enum(["none", "dropped", "kept"])
    .default("none")
    .describe(
      "A token before the patches that stands for none of them; dropped: not among the tower's results.",
    ),
  convolution: convolution
    .optional()
    .describe(
      "Layers before the others that read each patch with its neighbours, wherever it lies: what is near belongs together, which attention has to learn. Default: none.",
    ),
  patchNorm: z
    .boolean()
    .optional()
    .describe(
      "Layer norm on the numbers of each patch before they are read: what it shows, whatever its brightness and contrast. Default: false.",
    ),
  patchBias: z.boolean().default(true).describe("Bias of the layer that reads patches."),
  inputNorm: z.boolean().default(false).describe("Layer norm before the first layer, as CLIP has it."),
  outputNorm: z.boolean().default(true).describe("Layer norm after the last layer, as SigLIP has it."),
  normEpsilon: z.number().positive().default(1e-6).describe("Added to the variance in layer norms."),
});

const visionProjector = z.strictObject({
  kind: z.literal("mlp").default("mlp").describe("linear, gelu, linear."),
  hidden: size.optional().describe("Width between the two layers [elements]. Default: the model's width."),
  pool: z
    .strictObject({
      kind: z.enum(["average", "bilinear"]).describe("Mean of neighbours, or interpolation between them."),
      height: side.describe("Rows of tokens that stay."),
      width: side.describe("Columns of tokens that stay."),
    })
    .optional()
    .describe("Makes the grid of patches smaller before it is projected. Default: one token for each patch."),
});

export const visionConfig = z.strictObject({
  tower: visionTower.describe("Reads patches."),
  projector: visionProjector.default({ kind: "mlp" }).describe("Makes tokens of the model's width."),
  prompt: z
    .string()
    .min(1)
    .optional()
    .describe("What the model is asked where an image comes without a text. Default: a text is needed."),
});

export type VisionTower = z.infer<typeof visionTower>;
export type VisionProjector = z.infer<typeof visionProjector>;
export type VisionConfig = z.infer<typeof visionConfig>;

interface Grid {
  readonly height: number;
  readonly width: number;
}

/** Rows and columns of patches; pixels at the right and the bottom that fill none are not read. */
export function patchGrid({ image, patch }: VisionTower): Grid {
  const { height, width } = processedSize(image);
  return { height: Math.floor(height / patch.height), width: Math.floor(width / patch.width) };
}

/** How images become the rows that a tower reads. */
export const patchReadingOf = ({ image, patch, classToken }: VisionTower): PatchReading => ({
  image,
  patch,
  classToken: classToken !== "none",
});

/** Rows of the tower's input: the class token's, if there is one, and one for each patch. */
export const towerTokens = (tower: VisionTower): number => patchRowsShape(patchReadingOf(tower))[0];

/** Numbers of one patch. */
export const patchValues = (tower: VisionTower): number => patchRowsShape(patchReadingOf(tower))[1];

/** Tokens that an image becomes before the text. */
export function imageTokenCount({ tower, projector: { pool } }: VisionConfig): number {
  if (pool !== undefined) return pool.height * pool.width;
  return towerTokens(tower) - (tower.classToken === "dropped" ? 1 : 0);
}

/**
 * Checks what the schema alone cannot: that patches fit into the image, heads divide the width, and a pool fits the grid.
 *
 * @throws SlmError CONFIG_INVALID
 */
export function checkTower(tower: VisionTower, where: string): void {
  const fail = (reason: string): SlmError => new SlmError("CONFIG_INVALID", `${where}: ${reason}`);
  checkPatchReading(tower, where);
  if (tower.width % tower.heads !== 0) throw fail(`heads ${tower.heads} do not divide width ${tower.width}`);
  if (tower.convolution !== undefined && tower.classToken !== "none")
    throw fail("a class token has no neighbours; set classToken: none, or leave out convolution");
}

/** As {@link checkTower}, for the projector too. @throws SlmError CONFIG_INVALID */
export function checkVision({ tower, projector: { pool } }: VisionConfig, where: string): void {
  checkTower(tower, `${where}.tower`);
  if (pool === undefined) return;
  const grid = patchGrid(tower);
  const fail = (reason: string): SlmError =>
    new SlmError("CONFIG_INVALID", `${where}.projector.pool: ${reason}`);
  if (pool.height > grid.height || pool.width > grid.width)
    throw fail(`${pool.height} x ${pool.width} of a grid of ${grid.height} x ${grid.width}`);
  if (tower.classToken === "kept")
    throw fail("a grid has no place for a class token; set classToken: dropped");
}
