/** Images that are read on demand and identified by their content before they are decoded. */
import { createHash } from "node:crypto";
import { decodeImage, readImageBytes, type DecodeLimits } from "./decode-image.js";
import type { PixelImage } from "../image/pixel-image.js";

/** An image with a content key: images with equal keys are equal. */
export interface FoundImage {
  readonly key: string;
  /** The file with the image; absent for an image in memory. */
  readonly bytes?: Uint8Array | undefined;
  /** @throws SlmError DATA_INVALID */
  decode(): Promise<PixelImage>;
  /**
   * Computes `patchRows` of the decoded image elsewhere, such as in a thread. Absent: the caller computes them.
   *
   * @throws SlmError DATA_INVALID
   */
  readonly patchRows?: (() => Promise<Float32Array>) | undefined;
}

export interface ImageSource {
  /** @throws SlmError INPUT_MISSING or DATA_INVALID */
  find(): Promise<FoundImage>;
}

/** An image file in memory. @param where the image, for error messages */
export const imageOfBytes = (bytes: Uint8Array, where: string, limits: DecodeLimits = {}): ImageSource => ({
  find: () =>
    Promise.resolve({
      key: createHash("sha256").update(bytes).digest("hex"),
      bytes,
      decode: () => decodeImage(bytes, where, limits),
    }),
});

/** An image file. Its bytes are in memory only from `find` to `decode`. */
export const imageOfFile = (file: string, limits: DecodeLimits = {}): ImageSource => ({
  find: async () => imageOfBytes(await readImageBytes(file, limits.maxBytes), file, limits).find(),
});
