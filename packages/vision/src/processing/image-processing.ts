/** Settings of image preprocessing, as stored in a model's configuration. */
import { z } from "zod";
import { SlmError } from "@slm/core";
import { MAX_INPUT_SIDE } from "../image/limits.js";
import { FILTERS, type FilterName } from "../resample/resample.js";

const side = z.int().positive().max(MAX_INPUT_SIDE);
const size = { height: side.describe("Rows [pixels]."), width: side.describe("Columns [pixels].") };
const filterNames = Object.keys(FILTERS) as [FilterName, ...FilterName[]];

export const fitResize = z
  .strictObject({
    kind: z.literal("fit"),
    ...size,
    background: z.int().min(0).max(255).default(255).describe("Grey level of the padding."),
  })
  .describe("Resize to fit inside this size, keep the aspect ratio, and pad at the right and the bottom.");

const resize = z.discriminatedUnion("kind", [
  z
    .strictObject({ kind: z.literal("stretch"), ...size })
    .describe("Resize to this size without keeping the aspect ratio."),
  z
    .strictObject({
      kind: z.literal("shortestEdge"),
      pixels: side.describe("Length of the shorter side [pixels]."),
    })
    .describe("Resize the shorter side to this length and keep the aspect ratio."),
  fitResize,
]);

export const imageProcessing = z.strictObject({
  channels: z
    .union([z.literal(1), z.literal(3)])
    .default(3)
    .describe("3: red, green, blue. 1: luminance."),
  filter: z.enum(filterNames).default("bicubic").describe("Interpolation filter, with antialiasing."),
  resize: resize.optional().describe("Resize as the first step. Default: none, only `crop`."),
  crop: z
    .strictObject(size)
    .optional()
    .describe("Center crop of the resized image, padded with black if the crop is larger. Default: no crop."),
  scale: z.number().positive().default(1 / 255).describe("Factor on samples, which are 0 to 255."), // prettier-ignore
  mean: z.array(z.number()).default([0.5, 0.5, 0.5]).describe("Subtracted from scaled samples, by channel."),
  std: z
    .array(z.number().positive())
    .default([0.5, 0.5, 0.5])
    .describe("Divisor after the subtraction, by channel."),
});

export type ImageProcessing = z.infer<typeof imageProcessing>;

/**
 * Checks what the schema cannot express: one mean and deviation per channel, and one output size.
 *
 * @param where start of error messages.
 * @throws SlmError CONFIG_INVALID
 */
export function parseImageProcessing(value: unknown, where: string): ImageProcessing {
  const parsed = imageProcessing.safeParse(value);
  if (!parsed.success) throw new SlmError("CONFIG_INVALID", `${where}: ${z.prettifyError(parsed.error)}`);
  const config = parsed.data;
  for (const key of ["mean", "std"] as const) {
    if (config[key].length === config.channels) continue;
    throw new SlmError(
      "CONFIG_INVALID",
      `${where}: ${key} should have ${config.channels} numbers, one per channel, got ${config[key].length}`,
    );
  }
  if (config.crop !== undefined && config.resize?.kind === "fit")
    throw new SlmError("CONFIG_INVALID", `${where}: resize of kind fit needs no crop; remove crop`);
  if (sizeOf(config) === undefined)
    throw new SlmError(
      "CONFIG_INVALID",
      `${where}: set crop, because without it a resize of the shorter side, or none, results in images of different sizes`,
    );
  return config;
}

const sizeOf = ({ crop, resize: step }: ImageProcessing): { height: number; width: number } | undefined => {
  if (crop !== undefined) return { height: crop.height, width: crop.width };
  return step === undefined || step.kind === "shortestEdge"
    ? undefined
    : { height: step.height, width: step.width };
};

/** Height and width of the model's input [pixels]. @throws SlmError CONFIG_INVALID if images would differ in size. */
export function processedSize(config: ImageProcessing): { height: number; width: number } {
  const size = sizeOf(config);
  if (size === undefined) throw new SlmError("CONFIG_INVALID", "image: set crop or a resize to one size");
  return size;
}
