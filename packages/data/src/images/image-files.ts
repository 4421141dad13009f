/** Image files of rows: found in one folder, decoded completely, and identified by their bytes. */
import { createHash } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import { sep } from "node:path";
import { pathProblem, resolveInside, SlmError } from "@slm/core";
import { inTurn, loadSharp, readImageHeader } from "@slm/vision";
import { MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS } from "../rows/limits.js";
import type { Row } from "../rows/row.js";
import { IMAGE_EXTENSIONS, type Picture, type PictureSource } from "./picture.js";

/** Size of the cache by path. Questions about the same image are usually consecutive. */
const REMEMBERED = 1024;

/** An image file. */
export interface FilePicture extends Picture {
  readonly bytes: number;
}

export interface ImageFiles extends PictureSource {
  readonly identify: (row: Row) => Promise<FilePicture | string>;
}

/**
 * Checks and reads the images in a folder.
 *
 * @param directory base of the rows' image paths; if undefined, rows with images are rejected
 */
export function imageFiles(directory: string | undefined): ImageFiles {
  const known = new Map<string, FilePicture | string>();
  return {
    identify: async ({ image = "" }) => {
      if (directory === undefined)
        return "the row has an image, but data.images is not set to the folder that contains it";
      const before = known.get(image);
      if (before !== undefined) return before;
      if (known.size >= REMEMBERED) known.clear();
      const found = await identifyImage(directory, image);
      known.set(image, found);
      return found;
    },
    read: (requests) => Promise.all(requests.map(({ row }) => readAgain(directory ?? "", row))),
  };
}

/**
 * Checks an image file: its resolved path is inside the folder, it is PNG, JPEG or WebP within the size limits, and it can be
 * decoded completely.
 *
 * @returns the image, or why the file cannot be used
 * @throws SlmError DEVICE_UNAVAILABLE if the image library does not load
 */
export async function identifyImage(directory: string, path: string): Promise<FilePicture | string> {
  const named = JSON.stringify(path.slice(0, 200));
  const problem = pathProblem(path);
  if (problem !== undefined) return `image ${named}: ${problem}`;
  const bytes = await bytesInside(directory, path);
  if (typeof bytes === "string") return `image ${named}: ${bytes}`;
  const decoded = await decode(bytes);
  if (typeof decoded === "string") return `image ${named}: ${decoded}`;
  const key = createHash("sha256").update(bytes).digest("hex");
  return { key, content: key, bytes: bytes.length, ...decoded };
}

async function bytesInside(directory: string, path: string): Promise<Uint8Array | string> {
  try {
    const [root, real] = await Promise.all([realpath(directory), realpath(resolveInside(directory, path))]);
    if (!real.startsWith(root.endsWith(sep) ? root : `${root}${sep}`))
      return `a link points outside ${directory}`;
    const status = await stat(real);
    if (!status.isFile()) return "is not a file";
    if (status.size > MAX_IMAGE_BYTES)
      return `is ${status.size} bytes long, expected at most ${MAX_IMAGE_BYTES}`;
    return await readFile(real);
  } catch (error) {
    // A file system error rejects only this row.
    if (error instanceof Error && "code" in error)
      return `cannot be read from ${directory} (${String(error.code)})`;
    throw error;
  }
}

type Decoded = Pick<Picture, "extension" | "width" | "height">;

async function decode(bytes: Uint8Array): Promise<Decoded | string> {
  // A missing library is an error of the machine, not of this row.
  const sharp = await loadSharp();
  try {
    const limits = { maxBytes: MAX_IMAGE_BYTES, maxPixels: MAX_IMAGE_PIXELS };
    const { format, width, height } = await readImageHeader(bytes, "the image", limits);
    const extension = Object.entries(IMAGE_EXTENSIONS).find(([name]) => name === format)?.[1];
    if (extension === undefined) return `is ${format}, expected PNG, JPEG or WebP`;
    // Decodes every pixel, a few rows at a time, so that a corrupt file cannot reach training.
    const image = sharp(bytes, { limitInputPixels: MAX_IMAGE_PIXELS, failOn: "warning" });
    await inTurn(() => image.resize(1, 1, { fit: "fill" }).raw().toBuffer());
    return { extension, width, height };
  } catch (error) {
    return `cannot be decoded: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}`;
  }
}

/** @throws SlmError INPUT_MISSING, DATA_INVALID if the file has become unreadable since it was checked */
async function readAgain(directory: string, { image = "" }: Row): Promise<Uint8Array> {
  const bytes = await bytesInside(directory, image);
  if (typeof bytes !== "string") return bytes;
  throw new SlmError("INPUT_MISSING", `data: image ${JSON.stringify(image)}: ${bytes}`, {
    context: { directory, image },
  });
}
