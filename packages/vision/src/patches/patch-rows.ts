/** Converts an image to the input rows of a vision graph, with the settings for it. */
import { z } from "zod";
import { SlmError } from "@slm/core";
import { imageProcessing, parseImageProcessing, processedSize } from "../processing/image-processing.js";
import { MAX_INPUT_SIDE } from "../image/limits.js";
import { toPixelPatches } from "./patches.js";
import type { PixelImage } from "../image/pixel-image.js";
import { sampleTables, shapeImage } from "../processing/process-image.js";

const side = z.int().positive().max(MAX_INPUT_SIDE);

export const patchSize = z.strictObject({
  height: side.describe("Rows [pixels]."),
  width: side.describe("Columns [pixels]."),
});

export const patchReading = z.strictObject({
  image: imageProcessing.describe("Image preprocessing."),
  patch: patchSize.describe("Size of a patch, which becomes one row [pixels]."),
  classToken: z.boolean().describe("Add a row of zeros (the class token) before the patches."),
});

export type PatchReading = z.infer<typeof patchReading>;

/**
 * Checks what the schema cannot express: one size for all images, and patches that fit into it.
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

/** Shape of {@link patchRows}: number of rows, including the class token's, and values per row. */
export function patchRowsShape({ image, patch, classToken }: PatchReading): [rows: number, values: number] {
  const { height, width } = processedSize(image);
  const patches = Math.floor(height / patch.height) * Math.floor(width / patch.width);
  return [patches + (classToken ? 1 : 0), image.channels * patch.height * patch.width];
}

/** An image as rows of patches, in row-major order, after a row of zeros if there is a class token. Shapes: {@link patchRowsShape}. */
export function patchRows(reading: PatchReading, image: PixelImage): Float32Array {
  const [count, values] = patchRowsShape(reading);
  const rows = new Float32Array(count * values);
  patchRowsReader(reading)(patchSamples(reading, image), rows);
  return rows;
}

/** The uint8 samples from which {@link patchRows} is computed, a quarter of its bytes. Shapes: uint8 `[patches, values]`. */
export const patchSamples = ({ image: processing, patch }: PatchReading, image: PixelImage): Uint8Array =>
  toPixelPatches(shapeImage(image, processing), patch);

/** Computes {@link patchRows} of an image from its {@link patchSamples} and writes them to `into`. */
export type PatchRowsReader = (samples: Uint8Array, into: Float32Array) => void;

/** A reader for many images: building its tables takes longer than reading one image. */
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
