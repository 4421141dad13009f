/** Decodes image files to pixels under limits: sizes in headers are checked before memory is allocated. */
import type sharp from "sharp";
import { open } from "node:fs/promises";
import type { Metadata, OutputInfo } from "sharp";
import { SlmError } from "@slm/core";
import { decodeBitmap, readBitmapHeader } from "./bitmap.js";
import { MAX_IMAGE_BYTES, MAX_PIXELS } from "./limits.js";
import type { PixelImage } from "./pixel-image.js";

// Detects the format of an image file by its first bytes; the file name is ignored.

/** Magic bytes of a format at their offsets. */
type Marks = readonly (readonly [offset: number, bytes: string])[];

interface Format {
  readonly name: "jpeg" | "png" | "webp" | "gif" | "tiff" | "avif" | "bmp";
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
  // BigTIFF: files beyond 4 GiB, and smaller ones of some programs.
  { name: "tiff", marks: [[0, "II+\0"]] },
  { name: "tiff", marks: [[0, "MM\0+"]] },
  { name: "avif", marks: [[4, "ftypavif"]] },
  { name: "bmp", marks: [[0, "BM"]] },
];

/** Common unsupported formats, so that the error can name them. */
const OTHERS: readonly { readonly name: string; readonly marks: Marks }[] = [
  { name: "HEIC", marks: [[4, "ftyphei"]] },
  { name: "HEIC", marks: [[4, "ftyphevc"]] },
  { name: "an AVIF sequence", marks: [[4, "ftypavis"]] },
  { name: "JPEG XL", marks: [[0, "\xff\x0a"]] },
  { name: "JPEG XL", marks: [[0, "\0\0\0\x0cJXL "]] },
  { name: "JPEG 2000", marks: [[0, "\0\0\0\x0cjP  "]] },
  { name: "JPEG 2000", marks: [[0, "\xff\x4f\xff\x51"]] },
  { name: "an icon", marks: [[0, "\0\0\x01\0"]] },
  { name: "a Photoshop document", marks: [[0, "8BPS"]] },
  { name: "PDF", marks: [[0, "%PDF"]] },
  { name: "SVG", marks: [[0, "<svg"]] },
  { name: "XML, such as SVG", marks: [[0, "<?xml"]] },
];

type ImageFormat = Format["name"];

/**
 * The format of a file's content. Vector graphics, documents and video are not supported, because decoding them runs interpreters.
 *
 * @throws SlmError DATA_INVALID for anything else.
 */
function imageFormatOf(bytes: Uint8Array, where: string): ImageFormat {
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

export interface DecodeLimits {
  /** Bytes of a file. Default: {@link MAX_IMAGE_BYTES}. */
  readonly maxBytes?: number;
  /** Columns times rows. Default: {@link MAX_PIXELS}. */
  readonly maxPixels?: number;
}

/** Colour spaces with a unique conversion to RGB, and CMYK. */
const READ_SPACES: ReadonlySet<string> = new Set(["srgb", "rgb", "rgb16", "b-w", "grey16", "cmyk"]);

/** The decoder's messages for intact files of an unsupported sample format. */
const UNREAD_KIND = /samples out of range|bad \w+ format|not supported|unsupported/u;

let library: Promise<typeof sharp> | undefined;

/** Loads the native decoder with the first image. Its cache of operations is disabled, because it would only take memory. */
function loadSharp(): Promise<typeof sharp> {
  library ??= import("sharp").then((module) => {
    module.default.cache(false);
    return module.default;
  });
  return library;
}

/**
 * Reads an image file.
 *
 * @throws SlmError INPUT_MISSING when there is no such file, DATA_INVALID as {@link decodeImage}.
 */
export async function readImage(file: string, limits: DecodeLimits = {}): Promise<PixelImage> {
  return decodeImage(await readImageBytes(file, limits.maxBytes), file, limits);
}

/**
 * The bytes of a file, if they do not exceed the limit.
 *
 * @throws SlmError INPUT_MISSING when there is no such file, DATA_INVALID when it is too large.
 */
export async function readImageBytes(file: string, maxBytes = MAX_IMAGE_BYTES): Promise<Uint8Array> {
  const missing = (cause?: unknown): SlmError =>
    new SlmError("INPUT_MISSING", `${file}: no such image file`, { context: { file }, cause });
  const handle = await open(file, "r").catch((cause: unknown) => {
    throw missing(cause);
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw missing();
    checkBytes(stats.size, maxBytes, file);
    const bytes = new Uint8Array(stats.size);
    const { bytesRead } = await handle.read(bytes, 0, stats.size, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function checkBytes(bytes: number, maxBytes: number, where: string): void {
  if (bytes <= maxBytes) return;
  throw new SlmError("DATA_INVALID", `${where}: ${bytes} bytes, images may have at most ${maxBytes}`);
}

/**
 * Pixels of a JPEG, PNG, WebP, GIF, TIFF, AVIF or BMP, upright as its EXIF orientation says.
 *
 * Follows published image processors: colour profiles are not applied, transparency is dropped without blending, grey
 * becomes three equal channels, 16-bit samples keep their upper 8 bits, and CMYK is converted without a profile. Rejected:
 * several frames or pages, other colour spaces, truncated or corrupt data, more pixels or bytes than the limits.
 *
 * @param where names the image in errors.
 * @throws SlmError DATA_INVALID
 */
export async function decodeImage(
  bytes: Uint8Array,
  where: string,
  { maxBytes = MAX_IMAGE_BYTES, maxPixels = MAX_PIXELS }: DecodeLimits = {},
): Promise<PixelImage> {
  checkBytes(bytes.byteLength, maxBytes, where);
  const format = imageFormatOf(bytes, where);
  if (format === "bmp") {
    const header = readBitmapHeader(bytes, where);
    checkPixels(header, maxPixels, where);
    return decodeBitmap(bytes, header, where);
  }
  const load = await loadSharp();
  const corrupt = (cause: unknown): SlmError => {
    const [reason = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    const what = UNREAD_KIND.test(reason)
      ? `a kind of ${format} that is not supported`
      : `corrupt or truncated ${format}`;
    return new SlmError("DATA_INVALID", `${where}: ${what}: ${reason}`, { cause });
  };
  const options = { failOn: "error", limitInputPixels: false, ignoreIcc: true } as const;
  const found = await load(bytes, options)
    .metadata()
    .catch((cause: unknown) => {
      throw corrupt(cause);
    });
  checkMetadata(found, maxPixels, where);
  const isInk = found.space === "cmyk";
  const upright = load(bytes, { ...options, autoOrient: true });
  const spaced = isInk
    ? upright.pipelineColourspace("cmyk").toColourspace("cmyk")
    : upright.toColourspace("srgb").removeAlpha();
  const { data, info } = await spaced
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw corrupt(cause);
    });
  return isInk ? inksAsRgb(data, info, where) : threeChannels(data, info, where);
}

function checkPixels(
  { width, height }: Pick<Metadata, "width" | "height">,
  maxPixels: number,
  where: string,
): void {
  if (width * height <= maxPixels) return;
  throw new SlmError(
    "DATA_INVALID",
    `${where}: ${width} x ${height} exceeds the limit of ${maxPixels} pixels`,
  );
}

function checkMetadata(found: Metadata, maxPixels: number, where: string): void {
  const { pages, space } = found;
  const reject = (reason: string): SlmError => new SlmError("DATA_INVALID", `${where}: ${reason}`);
  checkPixels(found, maxPixels, where);
  if (pages !== undefined && pages > 1) throw reject(`has ${pages} frames or pages, expected one`);
  if (!READ_SPACES.has(space)) throw reject(`colours are ${space}; convert the image to RGB or grey first`);
}

/**
 * Converts CMYK to RGB by `(255 - black) * (1 - ink / 255)`, without a colour profile.
 *
 * Source: Pillow's conversion from CMYK, its rounding included.
 *
 * @throws SlmError DATA_INVALID for CMYK with transparency
 */
function inksAsRgb(data: Uint8Array, { width, height, channels }: OutputInfo, where: string): PixelImage {
  if (channels !== 4)
    throw new SlmError("DATA_INVALID", `${where}: CMYK with ${channels} channels, expected 4`);
  const rgb = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    const light = 255 - data[from + 3]!;
    for (let ink = 0; ink < 3; ink++) {
      const product = data[from + ink]! * light + 128;
      rgb[to + ink] = light - (((product >> 8) + product) >> 8);
    }
  }
  return { width, height, channels: 3, data: rgb };
}

/** Samples as red, green, blue. @throws SlmError DATA_INVALID for an unexpected number of channels. */
function threeChannels(data: Uint8Array, { width, height, channels }: OutputInfo, where: string): PixelImage {
  if (channels === 3) return { width, height, channels: 3, data };
  if (channels !== 1)
    throw new SlmError("DATA_INVALID", `${where}: ${channels} channels, expected red, green, blue or grey`);
  const rgb = new Uint8Array(3 * data.length);
  for (let i = 0; i < data.length; i++) rgb.fill(data[i]!, 3 * i, 3 * i + 3);
  return { width, height, channels: 3, data: rgb };
}
