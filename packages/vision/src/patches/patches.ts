import { SlmError } from "@slm/core";
import type { PixelImage } from "../image/pixel-image.js";
import type { ProcessedImage } from "../processing/process-image.js";

interface Size {
  readonly height: number;
  readonly width: number;
}

/**
 * An image as rows of patches, so that a convolution with stride equal to its kernel is one matrix product. Leftover pixels at the right and
 * bottom edges are ignored, as in a convolution without padding.
 *
 * Shapes: `[channels, height, width]` -> `[patches, channels · patch.height · patch.width]`, patches in row-major order, values of a patch in
 * the order of a convolution's weight.
 *
 * @throws SlmError SHAPE_MISMATCH for patches larger than the image.
 */
export function toPatches({ channels, height, width, values }: ProcessedImage, patch: Size): Float32Array {
  const { down, across } = gridOf({ height, width }, patch);
  const result = new Float32Array(down * across * channels * patch.height * patch.width);
  let to = 0;
  for (let row = 0; row < down; row++)
    for (let column = 0; column < across; column++)
      for (let channel = 0; channel < channels; channel++)
        for (let y = 0; y < patch.height; y++) {
          const from = (channel * height + row * patch.height + y) * width + column * patch.width;
          result.set(values.subarray(from, from + patch.width), to);
          to += patch.width;
        }
  return result;
}

/**
 * Samples before they are scaled and normalized, in the order of {@link toPatches}: a quarter of the bytes.
 *
 * Shapes: `[height, width, channels]` -> `[patches, channels · patch.height · patch.width]`.
 *
 * @throws SlmError SHAPE_MISMATCH for patches larger than the image.
 */
export function toPixelPatches({ channels, height, width, data }: PixelImage, patch: Size): Uint8Array {
  const { down, across } = gridOf({ height, width }, patch);
  const result = new Uint8Array(down * across * channels * patch.height * patch.width);
  let to = 0;
  for (let row = 0; row < down; row++)
    for (let column = 0; column < across; column++)
      for (let channel = 0; channel < channels; channel++)
        for (let y = 0; y < patch.height; y++) {
          let from = ((row * patch.height + y) * width + column * patch.width) * channels + channel;
          for (let x = 0; x < patch.width; x++, from += channels) result[to++] = data[from]!;
        }
  return result;
}

/** Rows and columns of patches. */
function gridOf({ height, width }: Size, patch: Size): { down: number; across: number } {
  const [down, across] = [Math.floor(height / patch.height), Math.floor(width / patch.width)];
  if (down > 0 && across > 0) return { down, across };
  throw new SlmError(
    "SHAPE_MISMATCH",
    `image: patches of ${patch.height} x ${patch.width} are larger than ${height} x ${width} pixels`,
  );
}
