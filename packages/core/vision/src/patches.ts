import { SlmError } from "@slm/error";
import type { ProcessedImage } from "./process-image.js";

/**
 * An image as rows of patches, so that a convolution with stride equal to its kernel is one matrix product.
 *
 * Shapes: `[channels, height, width]` -> `[patches, channels · patch.height · patch.width]`, patches by rows, values of a
 * patch in the order of a convolution's weight.
 *
 * @throws SlmError SHAPE_MISMATCH when patches do not fill the image.
 */
export function toPatches(
  { channels, height, width, values }: ProcessedImage,
  patch: { readonly height: number; readonly width: number },
): Float32Array {
  const [down, across] = [height / patch.height, width / patch.width];
  if (!Number.isInteger(down) || !Number.isInteger(across)) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `image: patches of ${patch.height} x ${patch.width} do not fill ${height} x ${width} pixels`,
    );
  }
  const result = new Float32Array(values.length);
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
