import fc from "fast-check";
import { SlmError } from "@slm/core";
import { describe, expect, test } from "vitest";
import { decodeBitmap, readBitmapHeader } from "./bitmap.js";
import { decodeImage } from "./decode-image.js";

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly compression?: number;
  readonly colours?: readonly (readonly [red: number, green: number, blue: number])[];
  readonly masks?: readonly number[];
  readonly pixels: readonly number[];
}

function bitmap({ width, height, bits, compression = 0, colours = [], masks = [], pixels }: Picture): Buffer {
  const header = Buffer.alloc(54 + 4 * (colours.length + masks.length));
  header.write("BM");
  header.writeUInt32LE(header.length, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(width, 18);
  header.writeInt32LE(height, 22);
  header.writeUInt16LE(bits, 28);
  header.writeUInt32LE(compression, 30);
  header.writeUInt32LE(colours.length, 46);
  masks.forEach((mask, index) => header.writeUInt32LE(mask, 54 + 4 * index));
  colours.forEach(([red, green, blue], index) => {
    header.set([blue, green, red, 0], 54 + 4 * index);
  });
  return Buffer.concat([header, Buffer.from(pixels)]);
}

const COLOURS = [[1, 2, 3], [40, 50, 60], [7, 8, 9]] as const; // prettier-ignore

/** Numbers of colours, row by row from the top. */
async function numbers(picture: Picture): Promise<readonly number[]> {
  const { data } = await decodeImage(bitmap({ ...picture, colours: COLOURS }), "a.bmp");
  const reds = COLOURS.map(([red]) => red as number);
  return Array.from({ length: data.length / 3 }, (_, index) => reds.indexOf(data[3 * index]!));
}

describe(decodeBitmap, () => {
  test("reads runs of 8 bits: repeated, as they are, jumps and rows that end early", async () => {
    const pixels = [3, 1, 0, 0, 0, 3, 2, 1, 2, 0, 0, 2, 1, 0, 1, 2, 0, 1];
    expect(await numbers({ width: 4, height: 2, bits: 8, compression: 1, pixels })).toEqual([
      2, 1, 2, 0, 1, 1, 1, 0,
    ]);
  });

  test("reads runs of 4 bits, two numbers in turn", async () => {
    const pixels = [4, 0x12, 0, 0, 0, 3, 0x21, 0x20, 0, 1];
    expect(await numbers({ width: 4, height: 2, bits: 4, compression: 2, pixels })).toEqual([
      2, 1, 2, 0, 1, 2, 1, 2,
    ]);
  });

  test("reads rows from the top where the height is negative", async () => {
    const pixels = [0, 1, 0, 0, 2, 0, 0, 0];
    expect(await numbers({ width: 2, height: -2, bits: 8, pixels })).toEqual([0, 1, 2, 0]);
    expect(await numbers({ width: 2, height: 2, bits: 8, pixels })).toEqual([2, 0, 0, 1]);
  });

  test("reads colours of 16 bits by their masks", async () => {
    const pixels = [0x1f, 0xf8, 0xe0, 0x07];
    const masks = [0xf800, 0x7e0, 0x1f];
    const { data } = await decodeImage(
      bitmap({ width: 2, height: 1, bits: 16, compression: 3, masks, pixels }),
      "a.bmp",
    );
    expect(Array.from(data)).toEqual([255, 0, 255, 0, 255, 0]);
  });

  test("names what is not read and what is missing, and takes no memory for sizes that only the header has", async () => {
    const small = { width: 2, height: 1, bits: 24, pixels: [1, 2, 3, 4, 5, 6, 0, 0] };
    await expect(decodeImage(bitmap({ ...small, compression: 5 }), "a.bmp")).rejects.toThrow(
      "24 bits with compression 5",
    );
    await expect(decodeImage(bitmap({ ...small, pixels: [1, 2] }), "a.bmp")).rejects.toThrow(
      "truncated bmp: 2 bytes",
    );
    await expect(decodeImage(bitmap({ ...small, width: 50_000, height: 50_000 }), "a.bmp")).rejects.toThrow(
      "50000 x 50000 exceeds",
    );
    await expect(decodeImage(bitmap({ ...small, width: -1 }), "a.bmp")).rejects.toThrow("-1 x 1 pixels");
  });

  test("gives pixels or a named rejection for any bytes behind the mark", () => {
    const property = fc.property(
      fc.uint8Array({ minLength: 60, maxLength: 120 }),
      fc.nat(3),
      (bytes, kind) => {
        bytes.set([0x42, 0x4d]);
        bytes.set([40, 0, 0, 0, bytes[18]! % 9, 0, 0, 0, bytes[22]! % 9, 0, 0, 0], 14);
        bytes.set([[8, 4, 24, 16][kind]!, 0, [1, 2, 0, 3][kind]!, 0, 0, 0], 28);
        try {
          const header = readBitmapHeader(bytes, "any");
          return decodeBitmap(bytes, header, "any").data.length === 3 * header.width * header.height;
        } catch (error) {
          return error instanceof SlmError;
        }
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
});
