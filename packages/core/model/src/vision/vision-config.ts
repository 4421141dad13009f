/** How a model sees: the tower that reads patches, and the projector that makes tokens of what it found. */
import { z } from "zod";
import { SlmError } from "@slm/error";
import { imageProcessing, MAX_INPUT_SIDE, parseImageProcessing, processedSize } from "@slm/vision";

const MAX_SIZE = 1 << 16;
const size = z.int().positive().max(MAX_SIZE);
const side = z.int().positive().max(MAX_INPUT_SIDE);

export const visionTower = z.strictObject({
  image: imageProcessing.describe("How images become the numbers that this tower reads."),
  patch: z
    .strictObject({ height: side.describe("Rows [pixels]."), width: side.describe("Columns [pixels].") })
    .describe("Pixels that become one token."),
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
  patchBias: z.boolean().default(true).describe("Bias of the layer that reads patches."),
  inputNorm: z.boolean().default(false).describe("Layer norm before the first layer, as CLIP has it."),
  outputNorm: z.boolean().default(true).describe("Layer norm after the last layer, as SigLIP has it."),
  normEpsilon: z.number().positive().default(1e-6).describe("Added to the variance in layer norms."),
});

export const visionProjector = z.strictObject({
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

/** Rows of the tower's input: the class token's, if there is one, and one for each patch. */
export function towerTokens(tower: VisionTower): number {
  const { height, width } = patchGrid(tower);
  return height * width + (tower.classToken === "none" ? 0 : 1);
}

/** Numbers of one patch. */
export const patchValues = ({ image, patch }: VisionTower): number =>
  image.channels * patch.height * patch.width;

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
  parseImageProcessing(tower.image, `${where}.image`);
  const { height, width } = processedSize(tower.image);
  const grid = patchGrid(tower);
  if (grid.height === 0 || grid.width === 0)
    throw fail(
      `patches of ${tower.patch.height} x ${tower.patch.width} are larger than ${height} x ${width} pixels`,
    );
  if (tower.width % tower.heads !== 0) throw fail(`heads ${tower.heads} do not divide width ${tower.width}`);
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
