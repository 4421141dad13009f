/** A decoded image: 8 bits per sample, rows from the top, channels interleaved. */
export interface PixelImage {
  /** Columns [pixels]. */
  readonly width: number;
  /** Rows [pixels]. */
  readonly height: number;
  /** 3: red, green, blue. 1: luminance. */
  readonly channels: 1 | 3;
  /** height · width · channels samples. */
  readonly data: Uint8Array;
}

/** A rectangle of an image; the part outside of the image is background. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Luminance: 0.299, 0.587 and 0.114 of red, green and blue, in 16-bit integers.
 *
 * Source: ITU-R BT.601, rounded as in Pillow's `convert("L")`.
 */
export function toGrey(image: PixelImage): PixelImage {
  if (image.channels === 1) return image;
  const { width, height, data } = image;
  const grey = new Uint8Array(width * height);
  for (let pixel = 0, at = 0; pixel < grey.length; pixel++, at += 3)
    grey[pixel] = (data[at]! * 19595 + data[at + 1]! * 38470 + data[at + 2]! * 7471 + 0x8000) >> 16;
  return { width, height, channels: 1, data: grey };
}
