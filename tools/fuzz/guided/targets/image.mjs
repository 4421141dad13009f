/** Images: formats and headers. */
import { readFile } from "node:fs/promises";
import { readImageHeader } from "../../../../packages/vision/src/decode/decode-image.ts";

const FILES = ["one-bit.png", "grey.png", "one-frame.gif", "lossless.webp"];
export const seeds = () =>
  Promise.all(FILES.map((name) => readFile(`packages/vision/fixtures/files/${name}`)));

export function open() {
  const limits = { maxPixels: 250_000 };
  return async (/** @type {Uint8Array} */ bytes) => {
    await readImageHeader(bytes, "fuzz", limits);
  };
}
