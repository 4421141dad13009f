/** Images: decoded to upright RGB, pixels compared with Pillow's. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readImage } from "@slm/vision";
import { peer } from "../peer.mjs";

/** Largest difference of a sample that another decoder of a lossy format may have: they round the inverse transform differently. */
const LOSSY_TOLERANCE = 4;
const LOSSY = /\.(jpe?g|webp|avif)$/iu;

export async function image(file, _entry, { cache, scratch }) {
  const { width, height, data } = await readImage(file);
  const pixels = join(scratch, "pixels.rgb");
  await writeFile(pixels, data);
  const theirs = await peer(cache, "image", { file, pixels, width, height });
  const read = `${width} x ${height}, ${theirs.mode}`;
  const by = `Pillow ${theirs.version}`;
  if (theirs.error !== undefined) return { read, compared: false, peer: by, figures: theirs.error };
  const limit = LOSSY.test(file) ? LOSSY_TOLERANCE : 0;
  return {
    read,
    compared: theirs.largest <= limit,
    peer: by,
    figures:
      theirs.largest === 0
        ? "every sample the same"
        : `samples differ by at most ${theirs.largest}, ${theirs.mean.toFixed(3)} on average`,
  };
}
