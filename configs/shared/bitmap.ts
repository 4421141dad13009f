/** Bitmaps in memory. */

export interface Bitmap {
  readonly width: number;
  readonly height: number;
  /** 1 is grey, 3 is red, green, blue. */
  readonly channels: 1 | 3;
  /** Rows from the top, interleaved channels; 0 is black. */
  readonly data: Uint8Array;
}

/** Red, green and blue from 0 to 255. */
export type Colour = readonly [number, number, number];

/** Perceived brightness of a colour, from 0 to 255. Source: ITU-R BT.601. */
export function brightness([red, green, blue]: Colour): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

/** A bitmap of one colour. */
export function filled(width: number, height: number, colour: Colour): Bitmap {
  const data = new Uint8Array(width * height * 3);
  for (let index = 0; index < data.length; index++) data[index] = colour[index % 3]!;
  return { width, height, channels: 3, data };
}

/** Blends a colour into a bitmap with the coverage as opacity (0 to 1 per pixel). */
export function paint({ data, channels }: Bitmap, coverage: Float32Array, colour: Colour): void {
  for (let pixel = 0; pixel < coverage.length; pixel++) {
    const share = coverage[pixel]!;
    if (share === 0) continue;
    for (let channel = 0; channel < channels; channel++) {
      const index = pixel * channels + channel;
      data[index] = Math.round(data[index]! + (colour[channel]! - data[index]!) * share);
    }
  }
}
