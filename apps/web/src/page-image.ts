/**
 * Images that a visitor chooses, decoded by the browser: upright, colour profiles not applied. What follows, resizing among it,
 * is the same code as elsewhere. Browsers decode PNG to the same samples; of JPEG and WebP samples may differ by a few levels,
 * and under transparency colours are lost that other places read.
 */
import { SlmError } from "@slm/core";
import { MAX_IMAGE_BYTES, MAX_PIXELS, type ImageSource, type PixelImage } from "@slm/vision";

/** An image that a visitor chose, or that a page fetched. Reading it @throws SlmError DATA_INVALID for what the browser reads no image of */
export const imageOfBlob = (blob: Blob): ImageSource => ({
  find: async () => {
    if (blob.size > MAX_IMAGE_BYTES)
      throw new SlmError(
        "DATA_INVALID",
        `the image has ${blob.size} bytes, ${MAX_IMAGE_BYTES} are read at most`,
      );
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
    const key = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return { key, decode: () => decodeBlob(blob) };
  },
});

/** @throws SlmError DATA_INVALID for what the browser reads no image of */
async function decodeBlob(blob: Blob): Promise<PixelImage> {
  const options = { imageOrientation: "from-image", colorSpaceConversion: "none" } as const;
  const bitmap = await createImageBitmap(blob, options).catch((cause: unknown) => {
    throw new SlmError("DATA_INVALID", "this browser reads no image of that file", { cause });
  });
  try {
    const { width, height } = bitmap;
    if (width * height > MAX_PIXELS)
      throw new SlmError(
        "DATA_INVALID",
        `${width} x ${height} is more than the ${MAX_PIXELS} pixels that are read`,
      );
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    if (context === null)
      throw new SlmError("DEVICE_UNAVAILABLE", "this browser has no canvas to read images by");
    context.drawImage(bitmap, 0, 0);
    return { width, height, channels: 3, data: withoutAlpha(context.getImageData(0, 0, width, height).data) };
  } finally {
    bitmap.close();
  }
}

/** Four samples a pixel as the first three. */
export function withoutAlpha(rgba: Uint8ClampedArray): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
  return rgb;
}
