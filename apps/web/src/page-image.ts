/**
 * Decodes images that a visitor chooses: upright, without applying colour profiles. All later steps, such as resizing, use the same code
 * as in Node. Browsers decode PNG to the same samples as Node. For JPEG and WebP, samples can differ by a few levels, and browsers lose
 * colours under full transparency.
 */
import { SlmError } from "@slm/core";
import { MAX_IMAGE_BYTES, MAX_PIXELS, type ImageSource, type PixelImage } from "@slm/vision";

/** An image that a visitor chose, or that a page fetched. Reading it throws SlmError DATA_INVALID if the browser cannot decode it. */
export const imageOfBlob = (blob: Blob): ImageSource => ({
  find: async () => {
    if (blob.size > MAX_IMAGE_BYTES)
      throw new SlmError(
        "DATA_INVALID",
        `image: expected at most ${MAX_IMAGE_BYTES} bytes, got ${blob.size}`,
      );
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
    const key = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return { key, decode: () => decodeBlob(blob) };
  },
});

/** @throws SlmError DATA_INVALID if the browser cannot decode the image */
async function decodeBlob(blob: Blob): Promise<PixelImage> {
  const options = { imageOrientation: "from-image", colorSpaceConversion: "none" } as const;
  const bitmap = await createImageBitmap(blob, options).catch((cause: unknown) => {
    throw new SlmError("DATA_INVALID", "this browser cannot decode the image", { cause });
  });
  try {
    const { width, height } = bitmap;
    if (width * height > MAX_PIXELS)
      throw new SlmError(
        "DATA_INVALID",
        `image: expected at most ${MAX_PIXELS} pixels, got ${width} x ${height}`,
      );
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    if (context === null)
      throw new SlmError("DEVICE_UNAVAILABLE", "this browser has no canvas, which is needed to read images");
    context.drawImage(bitmap, 0, 0);
    return { width, height, channels: 3, data: withoutAlpha(context.getImageData(0, 0, width, height).data) };
  } finally {
    bitmap.close();
  }
}

/** Removes the fourth sample of each pixel. */
export function withoutAlpha(rgba: Uint8ClampedArray): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
  return rgb;
}
