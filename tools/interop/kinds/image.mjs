/** Images: decoded to upright RGB, pixels compared with Pillow's. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readImage } from "@slm/vision";
import { reference } from "../programs.mjs";

/**
 * What another decoder of a lossy format may differ by: JPEG's and WebP's round the inverse transform differently; AVIF's also
 * interpolate the colours, which most files hold at half the size, each in its own way, so edges of colours differ and only the average
 * says something.
 */
/** @type {readonly { pattern: RegExp, largest: number, mean: number }[]} */
const TOLERANCES = [
  { pattern: /\.(jpe?g|webp)$/iu, largest: 4, mean: 1 },
  { pattern: /\.avif$/iu, largest: 255, mean: 2 },
];

/** @type {import("../published-files.mjs").Kind} */
export async function image(file, _entry, { cache, scratch }) {
  const { width, height, data } = await readImage(file);
  const pixels = join(scratch, "pixels.rgb");
  await writeFile(pixels, data);
  const theirs = await reference(cache, "image", { file, pixels, width, height });
  const read = `${width} x ${height}, ${theirs.mode}`;
  const by = `Pillow ${theirs.version}`;
  if (theirs.error !== undefined) return { read, compared: false, reference: by, figures: theirs.error };
  const limit = TOLERANCES.find(({ pattern }) => pattern.test(file)) ?? { largest: 0, mean: 0 };
  return {
    read,
    compared: theirs.largest <= limit.largest && theirs.mean <= limit.mean,
    reference: by,
    figures:
      theirs.largest === 0
        ? "every sample the same"
        : `samples differ by at most ${theirs.largest}, ${theirs.mean.toFixed(3)} on average`,
  };
}
