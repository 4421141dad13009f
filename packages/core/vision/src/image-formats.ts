/** Formats of image files that are read, told by their first bytes: a name says nothing about content. */
import { SlmError } from "@slm/error";

interface Format {
  readonly name: "jpeg" | "png" | "webp" | "gif" | "tiff";
  /** Bytes at the given offsets that files of this format have. */
  readonly marks: readonly (readonly [offset: number, bytes: string])[];
}

/** Sources: ITU-T T.81 B.1.1, the PNG specification 5.2, RFC 9649 2.4, the GIF89a specification 17, TIFF 6.0 section 2. */
const FORMATS: readonly Format[] = [
  { name: "jpeg", marks: [[0, "\xff\xd8\xff"]] },
  { name: "png", marks: [[0, "\x89PNG\r\n\x1a\n"]] },
  { name: "webp", marks: [[0, "RIFF"], [8, "WEBP"]] }, // prettier-ignore
  { name: "gif", marks: [[0, "GIF8"]] },
  { name: "tiff", marks: [[0, "II*\0"]] },
  { name: "tiff", marks: [[0, "MM\0*"]] },
];

export type ImageFormat = Format["name"];

/**
 * The format of a file's content. Vector graphics, documents and video stills are none: decoding them runs interpreters.
 *
 * @throws SlmError DATA_INVALID for anything else.
 */
export function imageFormatOf(bytes: Uint8Array, where: string): ImageFormat {
  const holds = ([offset, mark]: readonly [number, string]): boolean =>
    Buffer.from(mark, "latin1").every((byte, i) => bytes[offset + i] === byte);
  const format = FORMATS.find(({ marks }) => marks.every(holds));
  if (format !== undefined) return format.name;
  const names = [...new Set(FORMATS.map(({ name }) => name))].join(", ");
  const start = Buffer.from(bytes.subarray(0, 8)).toString("hex");
  throw new SlmError(
    "DATA_INVALID",
    `${where}: not an image that is read here (${names}); starts with ${start}`,
  );
}
