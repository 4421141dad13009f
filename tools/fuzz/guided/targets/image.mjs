/** Images: kinds and headers; bitmaps, which slm decodes itself, to their pixels. */
import { readFile } from "node:fs/promises";
import { SlmError } from "@slm/core";
import { decodeImage, readImageHeader } from "../../../../packages/vision/src/decode-image.ts";

export { SlmError };
export const words = ["BM", "\u0089PNG\r\n", "RIFF", "WEBP", "GIF89a", "II*\u0000", "IHDR", "ftypavif"];
const FILES = [
  "colour.bmp",
  "palette.bmp",
  "one-bit.bmp",
  "transparent.bmp",
  "one-bit.png",
  "grey.png",
  "one-frame.gif",
  "lossless.webp",
];
export const seeds = () =>
  Promise.all(FILES.map((name) => readFile(`packages/vision/fixtures/files/${name}`)));

export function open() {
  const limits = { maxPixels: 250_000 };
  return async (/** @type {Uint8Array} */ bytes) => {
    const { format } = await readImageHeader(bytes, "fuzz", limits);
    if (format === "bmp") await decodeImage(bytes, "fuzz", limits);
  };
}
