/** Estimates the memory and time of decoding an image from its header, before memory is allocated. */
import { SlmError } from "@slm/core";
import type { Metadata } from "sharp";
import type { ImageFormat } from "./image-format.js";
import {
  MAX_MEMORY,
  MAX_RATIO,
  MAX_SCANNED_PIXELS,
  MAX_SIDE,
  SMALL_FILE_BYTES,
  SMALL_FILE_MEMORY,
} from "../image/limits.js";

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Red, green and blue of the decoded image [bytes per pixel]. */
const RESULT = 3;
/** CMYK before it is converted. */
const INKS = 4;

/** What the header says about a file. */
interface Header {
  /** Size of one decompressed pixel in the file [bytes]. */
  readonly pixelBytes: number;
  /** A progressive JPEG, an interlaced PNG. */
  readonly isProgressive: boolean;
  /** Whether EXIF rotates it by 90 degrees. */
  readonly isTurned: boolean;
}

/**
 * Memory per pixel that a decoder needs in addition to the result [bytes]. Measured with sharp 0.35.5 on images of 6000 x 4000 pixels: a decoder
 * that works row by row needs almost nothing. Other decoders, and rotation, need the whole image in their own format.
 */
const HELD: Readonly<Record<ImageFormat, (header: Header) => number>> = {
  png: ({ pixelBytes, isProgressive, isTurned }) => (Number(isProgressive) + Number(isTurned)) * pixelBytes,
  // 16-bit coefficients, which are freed before rotation.
  jpeg: ({ pixelBytes, isProgressive, isTurned }) => (isProgressive ? 2 : Number(isTurned)) * pixelBytes,
  webp: () => 7,
  gif: () => 5,
  tiff: ({ pixelBytes }) => pixelBytes,
  avif: () => 15,
};

const BYTES_OF_SAMPLE: ReadonlyMap<string, number> = new Map([
  ["uchar", 1],
  ["char", 1],
  ["ushort", 2],
  ["short", 2],
]);
/** Any other type of sample [bytes]. */
const LARGEST_SAMPLE = 8;
/** EXIF orientations from this one on rotate the image by 90 degrees. */
const FIRST_TURNED = 5;

/** Memory per pixel of an image [bytes]. */
function memoryPerPixel(found: Metadata, format: ImageFormat): number {
  const { channels, depth, isProgressive, orientation = 1, space } = found;
  const pixelBytes = channels * (BYTES_OF_SAMPLE.get(depth) ?? LARGEST_SAMPLE);
  const held = HELD[format]({ pixelBytes, isProgressive, isTurned: orientation >= FIRST_TURNED });
  return RESULT + held + (space === "cmyk" ? INKS : 0);
}

/** @throws SlmError DATA_INVALID for a size that no model's images have */
export function checkSides({ width, height }: Size, maxPixels: number, where: string): void {
  const reject = (limit: string): SlmError =>
    new SlmError("DATA_INVALID", `${where}: ${width} x ${height} exceeds the limit of ${limit}`);
  if (width * height > maxPixels) throw reject(`${maxPixels} pixels`);
  if (Math.max(width, height) > MAX_SIDE) throw reject(`${MAX_SIDE} pixels a side`);
  if (Math.max(width, height) > MAX_RATIO * Math.min(width, height))
    throw reject(`${MAX_RATIO} to 1 for the sides`);
}

/** @throws SlmError DATA_INVALID for an image that would need too much memory or time for the size of its file */
export function checkCost(found: Metadata, format: ImageFormat, bytes: Uint8Array, where: string): void {
  const pixels = found.width * found.height;
  checkMemory(pixels * memoryPerPixel(found, format), bytes.length, where);
  const scans = format === "jpeg" && found.isProgressive ? scansOf(bytes) : 1;
  if (scans * pixels > MAX_SCANNED_PIXELS)
    throw new SlmError(
      "DATA_INVALID",
      `${where}: a progressive JPEG has ${scans} scans over ${pixels} pixels, expected at most ${MAX_SCANNED_PIXELS} scanned pixels`,
    );
}

function checkMemory(memory: number, fileBytes: number, where: string): void {
  const most = fileBytes <= SMALL_FILE_BYTES ? SMALL_FILE_MEMORY : MAX_MEMORY;
  if (memory <= most) return;
  throw new SlmError(
    "DATA_INVALID",
    `${where}: decoding would need ${memory} bytes of memory; for a file of ${fileBytes} bytes the limit is ${most}`,
    { suggestions: ["scale the image down"] },
  );
}

const START_OF_SCAN = 0xda;

/** Markers of scans in a JPEG. Scan data never contain byte 0xff before this byte (ITU-T T.81, B.1.1.5). */
function scansOf(bytes: Uint8Array): number {
  let scans = 0;
  for (let at = bytes.indexOf(0xff); at !== -1; at = bytes.indexOf(0xff, at + 1))
    if (bytes[at + 1] === START_OF_SCAN) scans++;
  return scans;
}
