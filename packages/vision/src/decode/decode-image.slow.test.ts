import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import { decodeImage, readImage } from "./decode-image.js";
import { inTurn } from "./decoding-turns.js";
import { fixture, largestDifference, referenceFiles } from "../pixels.test-support.js";

/** Accepted difference between decoders of one lossy file: rounding of the inverse transform and of colour conversion. */
const LOSSY = 1;

/** A PNG with the correct checksum for its changed header. */
function withChecksum(png: Uint8Array): Uint8Array {
  new DataView(png.buffer).setUint32(29, crc32(png.subarray(12, 29)));
  return png;
}

/** Source: the PNG specification, annex D. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

describe(decodeImage, () => {
  test.each(referenceFiles())("reads $file as Pillow does", async ({ file, width, height, rgb }) => {
    const image = await decodeImage(fixture(`files/${file}`), file);
    expect([image.width, image.height, image.channels]).toEqual([width, height, 3]);
    const lossy = /lossy|jpg|avif/.test(file);
    expect(largestDifference(image.data, rgb)).toBeLessThanOrEqual(lossy ? LOSSY : 0);
  });

  test.each([
    ["two-frames.gif", /has 2 frames or pages/],
    ["two-pages.tif", /has 2 frames or pages/],
    ["jpeg-2000.jp2", /not a supported image \(jpeg, png, webp, gif, tiff, avif\); it is JPEG 2000/],
    ["truncated.jpg", /corrupt or truncated jpeg/],
    ["truncated.png", /corrupt or truncated png/],
    ["drawing.svg", /not a supported image/],
  ])("rejects %s by name", async (file, message) => {
    await expect(decodeImage(fixture(`rejected/${file}`), file)).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringMatching(message) as string,
    });
  });

  test("rejects more pixels than allowed before memory is made for them", async () => {
    const bytes = fixture("files/colour.png");
    await expect(decodeImage(bytes, "wide.png", { maxPixels: 24 * 16 - 1 })).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
    await expect(decodeImage(bytes, "fits.png", { maxPixels: 24 * 16 })).resolves.toBeDefined();
    // A header that claims a hundred million million pixels.
    const claim = Uint8Array.from(bytes);
    claim.set([0, 0x98, 0x96, 0x80, 0, 0x98, 0x96, 0x80], 16);
    await expect(decodeImage(claim, "bomb.png")).rejects.toMatchObject({ code: "DATA_INVALID" });
  });

  test.each<readonly [string, number, number, RegExp]>([
    ["a column of 25 million pixels", 1, 25_000_000, /exceeds the limit of 65535 pixels a side/],
    ["a strip", 201, 1, /exceeds the limit of 200 to 1 for the sides/],
    ["a small file of 100 million pixels", 10_000, 10_000, /decoding would need 300000000 bytes of memory/],
  ])("rejects %s by its header", async (_name, width, height, message) => {
    const bytes = Uint8Array.from(fixture("files/grey.png"));
    const view = new DataView(bytes.buffer);
    view.setUint32(16, width);
    view.setUint32(20, height);
    await expect(decodeImage(withChecksum(bytes), "grey.png")).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringMatching(message) as string,
    });
  });

  test("rejects a progressive JPEG with too many scans over the whole image", async () => {
    const original = fixture("files/progressive.jpg");
    const scan = Buffer.from([0xff, 0xda]);
    const bytes = Buffer.concat([original, ...Array.from({ length: 3_000_000 }, () => scan)]);
    await expect(decodeImage(bytes, "scans.jpg")).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("decodes two images at once, and all in the end", async () => {
    let [running, most, done] = [0, 0, 0];
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      if (++done === 3) throw new Error("this one fails");
    };
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => inTurn(work)));
    expect({ most, done }).toEqual({ most: 2, done: 8 });
    expect(results.filter(({ status }) => status === "rejected")).toHaveLength(1);
    await inTurn(work);
    expect(running).toBe(0);
  });

  test("rejects more bytes than allowed", async () => {
    await expect(decodeImage(fixture("files/colour.png"), "big.png", { maxBytes: 100 })).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
  });

  test("any corrupt file either decodes or is rejected by name", async () => {
    const files = referenceFiles().map(({ file }) => fixture(`files/${file}`));
    const corrupt = fc.record({
      file: fc.constantFrom(...files),
      changes: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
      length: fc.nat(1000),
    });
    const property = fc.asyncProperty(corrupt, async ({ file, changes, length }) => {
      const bytes = file.slice(0, length > 600 ? file.length : length);
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      const result = await decodeImage(bytes, "corrupt", { maxPixels: 1e6 }).catch((error: unknown) => error);
      if (result instanceof SlmError) return result.code === "DATA_INVALID";
      const { width, height, data } = result as { width: number; height: number; data: Uint8Array };
      return data.length === width * height * 3;
    });
    await fc.assert(property, { numRuns: 300 });
  });
});

describe(readImage, () => {
  const directory = temporaryFolder();

  test("reads a file and names one that is not there", async () => {
    const file = join(directory, "image.png");
    await writeFile(file, fixture("files/grey.png"));
    expect(await readImage(file)).toMatchObject({ width: 24, height: 16, channels: 3 });
    await expect(readImage(join(directory, "none.png"))).rejects.toMatchObject({ code: "INPUT_MISSING" });
    await expect(readImage(directory)).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });
});
