/** Identity and bytes of row images. */
import type { DrawnFrom } from "../dataset/dataset.js";
import type { Row } from "../rows/row.js";

/** Supported image formats of data sets, by the extension of the written file. */
export const IMAGE_EXTENSIONS = { png: "png", jpeg: "jpg", webp: "webp" } as const;
type Extension = (typeof IMAGE_EXTENSIONS)[keyof typeof IMAGE_EXTENSIONS];

export interface Picture {
  /** SHA-256 of the file's bytes, or of a drawn image's parameters. Equal keys mean equal images. */
  readonly key: string;
  /** Must not be in two splits: the key of an image file, or the content (`shows`) of a drawn image. */
  readonly content: string;
  readonly extension: Extension;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Parameters of a drawn image; undefined for a file. */
  readonly drawnFrom?: DrawnFrom;
}

/** The row of a requested image. */
interface PictureRequest {
  readonly row: Row;
  readonly picture: Picture;
}

/** Provides the images of one input. */
export interface PictureSource {
  /** The image that a row names, or why it cannot be used. */
  readonly identify: (row: Row) => Promise<Picture | string>;
  /** Bytes of the image files, in the order of the requests. */
  readonly read: (requests: readonly PictureRequest[]) => Promise<readonly Uint8Array[]>;
}

/** Image folder in the data stage's output directory. */
export const IMAGE_FOLDER = "images";

/** Images with the same name are the same image. */
const NAME_DIGITS = 32;

/** Path of an image in the data stage's output directory. 256 folders per split keep the folders small. */
export function picturePath(split: string, { key, extension }: Picture): string {
  return `${IMAGE_FOLDER}/${split}/${key.slice(0, 2)}/${key.slice(0, NAME_DIGITS)}.${extension}`;
}
