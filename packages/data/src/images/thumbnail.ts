/** Small copies of images, for reports. */
import { resolveInside, SlmError } from "@slm/core";
import { inTurn, loadSharp } from "@slm/vision";
import { MAX_IMAGE_PIXELS } from "../rows/limits.js";
import { identifyImage } from "./image-files.js";

/**
 * Returns an image of a data folder as PNG, scaled down to a maximum side length.
 *
 * @throws SlmError DATA_INVALID if the file is not a supported image
 */
export async function thumbnail(directory: string, path: string, pixels: number): Promise<Uint8Array> {
  const picture = await identifyImage(directory, path);
  if (typeof picture === "string")
    throw new SlmError("DATA_INVALID", `data: ${picture}`, { context: { directory, path } });
  const size = { width: pixels, height: pixels, fit: "inside", withoutEnlargement: true } as const;
  const sharp = await loadSharp();
  const image = sharp(resolveInside(directory, path), { limitInputPixels: MAX_IMAGE_PIXELS });
  return inTurn(() => image.resize(size).png().toBuffer());
}
