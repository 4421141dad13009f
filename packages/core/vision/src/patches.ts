import { SlmError } from "@slm/error";
import type { ProcessedImage } from "./process-image.js";

/**
 * An image as rows of patches, so that a convolution with stride equal to its kernel is one matrix product. Pixels at the
 * right and the bottom that fill no patch are left out, as by a convolution without padding.
 *
 * Shapes: `[channels, height, width]` -> `[patches, channels · patch.height · patch.width]`, patches by rows, values of a
 * patch in the order of a convolution's weight.
 *
 * @throws SlmError SHAPE_MISMATCH for patches larger than the image.
 */
export function toPatches(
  { channels, height, width, values }: ProcessedImage,
  patch: { readonly height: number; readonly width: number },
): Float32Array {
  const [down, across] = [Math.floor(height / patch.height), Math.floor(width / patch.width)];
  if (down === 0 || across === 0) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `image: patches of ${patch.height} x ${patch.width} are larger than ${height} x ${width} pixels`,
    );
  }
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
