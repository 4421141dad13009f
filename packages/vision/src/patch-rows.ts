/** An image as the rows that a vision graph reads, and the settings that say how: all that whoever runs such a graph must know. */
import { z } from "zod";
import { SlmError } from "@slm/core";
import { imageProcessing, parseImageProcessing, processedSize } from "./image-processing.js";
import { MAX_INPUT_SIDE } from "./limits.js";
import { toPixelPatches } from "./patches.js";
import type { PixelImage } from "./pixel-image.js";
import { sampleTables, shapeImage } from "./process-image.js";

const side = z.int().positive().max(MAX_INPUT_SIDE);

export const patchSize = z.strictObject({
  height: side.describe("Rows [pixels]."),
  width: side.describe("Columns [pixels]."),
});

export const patchReading = z.strictObject({
  image: imageProcessing.describe("How images become numbers."),
  patch: patchSize.describe("Pixels that become one row."),
  classToken: z.boolean().describe("Whether a row of zeros comes before the patches."),
});

export type PatchReading = z.infer<typeof patchReading>;

/**
 * Checks what the schema alone cannot: one size for all images, and patches that fit into it.
 *
 * @throws SlmError CONFIG_INVALID
 */
export function checkPatchReading({ image, patch }: Omit<PatchReading, "classToken">, where: string): void {
  parseImageProcessing(image, `${where}.image`);
  const { height, width } = processedSize(image);
  if (patch.height <= height && patch.width <= width) return;
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: patches of ${patch.height} x ${patch.width} are larger than ${height} x ${width} pixels`,
  );
}

/** Shape of {@link patchRows}: rows, the class token's among them, and numbers of each. */
export function patchRowsShape({ image, patch, classToken }: PatchReading): [rows: number, values: number] {
  const { height, width } = processedSize(image);
  const patches = Math.floor(height / patch.height) * Math.floor(width / patch.width);
  return [patches + (classToken ? 1 : 0), image.channels * patch.height * patch.width];
}

/** An image as rows of patches, by rows of the image; a class token is a row of zeros before them. Shapes: {@link patchRowsShape}. */
export function patchRows(reading: PatchReading, image: PixelImage): Float32Array {
  const [count, values] = patchRowsShape(reading);
  const rows = new Float32Array(count * values);
  patchRowsReader(reading)(patchSamples(reading, image), rows);
  return rows;
}

/** What {@link patchRows} is made of, a quarter of its bytes: samples of the resized image. Shapes: uint8 `[patches, values]`. */
export const patchSamples = ({ image: processing, patch }: PatchReading, image: PixelImage): Uint8Array =>
  toPixelPatches(shapeImage(image, processing), patch);

/** Writes {@link patchRows} of an image into memory of that many numbers, out of its {@link patchSamples}. */
export type PatchRowsReader = (samples: Uint8Array, into: Float32Array) => void;

/** A reader for many images: the tables it holds take longer to make than an image to read. */
export function patchRowsReader({ image, patch }: PatchReading): PatchRowsReader {
  const tables = sampleTables(image);
  const plane = patch.height * patch.width;
  return (samples, into) => {
    const first = into.length - samples.length;
    into.fill(0, 0, first);
    for (let begin = 0, channel = 0; begin < samples.length; begin += plane) {
      const table = tables[channel]!;
      for (let i = begin; i < begin + plane; i++) into[first + i] = table[samples[i]!]!;
      channel = channel + 1 === tables.length ? 0 : channel + 1;
    }
  };
}
