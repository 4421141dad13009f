/** Rows that calibrate a model with random weights: sources and targets that its tokenizer knows, and noise for images. */
import { createRandom } from "@slm/generation";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";

const ROWS = 64;
/** Characters of a source and words of a target, at most; both are one token each in the tokenizer of `slm model init`. */
const LONGEST = 24;
/** Images are a little larger than the model's, so that they are resized as photographs are. */
const IMAGE = { width: 200, height: 120 };

/** Writes rows.jsonl (and images) into a directory. Returns its path. */
export async function calibrationRows({ maxSource, maxTarget, vision }, directory) {
  const { next } = createRandom(7);
  const below = (limit) => Math.floor(next() * limit);
  const longest = Math.min(LONGEST, maxTarget - 2);
  const images = join(directory, "images");
  if (vision !== undefined) await mkdir(images, { recursive: true });
  const room = vision === undefined ? maxSource : LONGEST;
  const rows = [];
  for (let row = 0; row < ROWS; row += 1) {
    const text = (length, letter) => Array.from({ length }, letter);
    const source = text(1 + below(Math.min(room, 2 * LONGEST)), () => String.fromCharCode(97 + below(26)));
    const target = text(1 + below(longest), () => String.fromCharCode(65 + below(26)));
    const image = vision === undefined ? {} : { image: await noise(directory, `images/${row}.png`, below) };
    rows.push({ source: source.join(""), target: target.join(" "), ...image });
  }
  const path = join(directory, "rows.jsonl");
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}

/** Writes an image and returns its path from the directory. */
async function noise(directory, path, below) {
  const { width, height } = IMAGE;
  const pixels = Uint8Array.from({ length: width * height * 3 }, () => below(256));
  await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(join(directory, path));
  return path;
}
