/** Detects the format of an image file by its first bytes; ignores the file name. */
import { SlmError } from "@slm/core";

/** Magic bytes of a format at their offsets. */
type Marks = readonly (readonly [offset: number, bytes: string])[];

interface Format {
  readonly name: "jpeg" | "png" | "webp" | "gif" | "tiff" | "avif";
  readonly marks: Marks;
}

/** Sources: ITU-T T.81 B.1.1, the PNG specification 5.2, RFC 9649 2.4, the GIF89a specification 17, TIFF 6.0 section 2, AVIF 1.1 section 6.3. */
const FORMATS: readonly Format[] = [
  { name: "jpeg", marks: [[0, "\xff\xd8\xff"]] },
  { name: "png", marks: [[0, "\x89PNG\r\n\x1a\n"]] },
  { name: "webp", marks: [[0, "RIFF"], [8, "WEBP"]] }, // prettier-ignore
  { name: "gif", marks: [[0, "GIF8"]] },
  { name: "tiff", marks: [[0, "II*\0"]] },
  { name: "tiff", marks: [[0, "MM\0*"]] },
  // BigTIFF: files above 4 GiB, and smaller files from some programs.
  { name: "tiff", marks: [[0, "II+\0"]] },
  { name: "tiff", marks: [[0, "MM\0+"]] },
  { name: "avif", marks: [[4, "ftypavif"]] },
];

/** Common unsupported formats, named in the error. */
const OTHERS: readonly { readonly name: string; readonly marks: Marks }[] = [
  { name: "HEIC", marks: [[4, "ftyphei"]] },
  { name: "HEIC", marks: [[4, "ftyphevc"]] },
  { name: "an AVIF sequence", marks: [[4, "ftypavis"]] },
  { name: "JPEG XL", marks: [[0, "\xff\x0a"]] },
  { name: "JPEG XL", marks: [[0, "\0\0\0\x0cJXL "]] },
  { name: "JPEG 2000", marks: [[0, "\0\0\0\x0cjP  "]] },
  { name: "JPEG 2000", marks: [[0, "\xff\x4f\xff\x51"]] },
  { name: "an icon", marks: [[0, "\0\0\x01\0"]] },
  { name: "BMP", marks: [[0, "BM"]] },
  { name: "a Photoshop document", marks: [[0, "8BPS"]] },
  { name: "PDF", marks: [[0, "%PDF"]] },
  { name: "SVG", marks: [[0, "<svg"]] },
  { name: "XML, such as SVG", marks: [[0, "<?xml"]] },
];

export type ImageFormat = Format["name"];

/**
 * The format of a file's content. Vector graphics, documents and video are not supported, because decoding them runs interpreters.
 *
 * @throws SlmError DATA_INVALID for anything else.
 */
export function imageFormatOf(bytes: Uint8Array, where: string): ImageFormat {
  const has = ({ marks }: { readonly marks: Marks }): boolean =>
    marks.every(([offset, mark]) =>
      Buffer.from(mark, "latin1").every((byte, i) => bytes[offset + i] === byte),
    );
  const format = FORMATS.find(has);
  if (format !== undefined) return format.name;
  const names = [...new Set(FORMATS.map(({ name }) => name))].join(", ");
  const other = OTHERS.find(has);
  const start = Buffer.from(bytes.subarray(0, 8)).toString("hex");
  const got = other === undefined ? `starts with ${start}` : `it is ${other.name}`;
  throw new SlmError("DATA_INVALID", `${where}: not a supported image (${names}); ${got}`, {
    suggestions: other === undefined ? [] : ["convert it to PNG with an image editor"],
  });
}
