/** Images: decodes them to upright RGB and compares the pixels with Pillow's. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readImage } from "@slm/vision";
import { reference } from "../programs.mjs";

/**
 * Allowed differences between decoders of lossy formats. JPEG and WebP decoders round the inverse transform differently. AVIF decoders also
 * interpolate colours, which most files store at half the size, in different ways. Edges then differ, and only the average is meaningful.
 */
/** @type {readonly { pattern: RegExp, largest: number, mean: number }[]} */
const TOLERANCES = [
  { pattern: /\.(jpe?g|webp)$/iu, largest: 4, mean: 1 },
  { pattern: /\.avif$/iu, largest: 255, mean: 2 },
];

/** @type {import("./kind.mjs").Kind} */
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
        ? "all samples equal"
        : `samples differ by at most ${theirs.largest}, ${theirs.mean.toFixed(3)} on average`,
  };
}
