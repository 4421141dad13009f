/** Pictures of rows on their way into a split: what tells them apart, and who has their bytes. */
import type { DrawnFrom } from "../dataset/dataset.js";
import type { Row } from "../rows/row.js";

/** What an image file of a data set may be, by the ending that it gets there. */
export const IMAGE_EXTENSIONS = { png: "png", jpeg: "jpg", webp: "webp" } as const;
type Extension = (typeof IMAGE_EXTENSIONS)[keyof typeof IMAGE_EXTENSIONS];

export interface Picture {
  /** SHA-256 of its bytes or, of a drawn one, of what it is drawn from: equal keys are equal pictures. */
  readonly key: string;
  /** What must not be in two splits: the key of a file; the words or the scene that a drawn picture shows. */
  readonly content: string;
  readonly extension: Extension;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** What a dataset module draws it from; absent of a file. */
  readonly drawnFrom?: DrawnFrom;
}

/** A row whose picture is asked for. */
interface PictureRequest {
  readonly row: Row;
  readonly picture: Picture;
}

/** Where the pictures of one input come from. */
export interface PictureSource {
  /** The picture that a row of a file names, or why there is none to use. */
  readonly identify: (row: Row) => Promise<Picture | string>;
  /** Bytes of pictures, as they go into a file, in the order of the requests. */
  readonly read: (requests: readonly PictureRequest[]) => Promise<readonly Uint8Array[]>;
}

/** Folder of the images inside the directory that the data stage writes. */
export const IMAGE_FOLDER = "images";

/** Pictures with one name are one picture. */
const NAME_DIGITS = 32;

/** Where a picture lies in the directory that the data stage writes: 256 folders per split, so that none is too full. */
export function picturePath(split: string, { key, extension }: Picture): string {
  return `${IMAGE_FOLDER}/${split}/${key.slice(0, 2)}/${key.slice(0, NAME_DIGITS)}.${extension}`;
}
