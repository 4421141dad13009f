/** Images that a dataset module draws. Equal parameters result in equal bytes. */
import { createHash } from "node:crypto";
import type { SlmError } from "@slm/core";
import type { DrawnFrom, DrawnImage } from "../dataset/dataset.js";
import type { Picture, PictureSource } from "./picture.js";
import { PNG_END, PNG_START } from "./whole.js";

/** @returns the bytes of a PNG file */
export type DrawPicture = (drawnFrom: DrawnFrom) => Promise<unknown>;

/**
 * Draws the images of {@link drawnPicture}, and reads the others from `files`.
 *
 * @param failure creates the error for bytes that are not a PNG file of the declared size
 */
export function drawnPictures(
  files: PictureSource,
  draw: DrawPicture,
  failure: (problem: string) => SlmError,
): PictureSource {
  return {
    identify: files.identify,
    read: (requests) =>
      Promise.all(
        requests.map(async (request) => {
          const { drawnFrom, width, height } = request.picture;
          if (drawnFrom === undefined) return (await files.read([request]))[0]!;
          const bytes = await draw(drawnFrom);
          const problem = pngProblem(bytes, width, height);
          if (problem === undefined) return bytes as Uint8Array;
          throw failure(`draw(${JSON.stringify(drawnFrom)}): ${problem}`);
        }),
      ),
  };
}

/** Represents an image that is not drawn yet. */
export function drawnPicture({ drawnFrom, shows, width, height }: DrawnImage): Picture {
  const key = createHash("sha256").update(JSON.stringify(drawnFrom)).digest("hex");
  return { key, content: shows, extension: "png", width, height, drawnFrom };
}

/** Offset of width and height in a PNG file: big-endian, at the start of the first chunk. */
const SIZE_OFFSET = 16;

function pngProblem(bytes: unknown, width: number, height: number): string | undefined {
  if (!(bytes instanceof Uint8Array)) return `expected the bytes of a PNG file, got ${typeof bytes}`;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (
    !buffer.subarray(0, PNG_START.length).equals(PNG_START) ||
    !buffer.subarray(-PNG_END.length).equals(PNG_END)
  )
    return `expected the bytes of a PNG file, got ${bytes.length} bytes of another format`;
  const size = [buffer.readUInt32BE(SIZE_OFFSET), buffer.readUInt32BE(SIZE_OFFSET + 4)];
  if (size[0] === width && size[1] === height) return undefined;
  return `expected ${width} x ${height} pixels, got ${size.join(" x ")}`;
}
