/** Pictures that slm draws: the same for the same settings and place, whenever they are drawn. */
import { createHash } from "node:crypto";
import type { Picture, PictureSource } from "./picture.js";
import { encodePng } from "../render/png.js";
import type { Bitmap } from "../render/bitmap.js";

/** Draws the picture of a row, told by its place in the source. */
export type DrawPictures = (line: number) => Promise<Bitmap>;

export function drawnPictures(draw: DrawPictures): PictureSource {
  return {
    identify: () => Promise.resolve("a row of this source cannot name an image"),
    read: (requests) => Promise.all(requests.map(async ({ line }) => encodePng(await draw(line)))),
  };
}

/**
 * What stands for a picture before it is drawn.
 *
 * @param drawnFrom everything that decides its pixels
 * @param content what it shows, for which it belongs to one split
 */
export function drawnPicture(
  drawnFrom: readonly (string | number)[],
  content: string,
  { width, height }: Pick<Picture, "width" | "height">,
): Picture {
  const key = createHash("sha256").update(JSON.stringify(drawnFrom)).digest("hex");
  return { key, content, extension: "png", width, height };
}
