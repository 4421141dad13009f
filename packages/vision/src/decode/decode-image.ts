/** Decodes image files to pixels within limits: sizes in headers are checked before memory is allocated. */
import type { Metadata, OutputInfo } from "sharp";
import { openRegular, SlmError } from "@slm/core";
import { inTurn } from "./decoding-turns.js";
import { checkCost, checkSides } from "./image-cost.js";
import { imageFormatOf, type ImageFormat } from "./image-format.js";
import { loadSharp } from "./load-sharp.js";
import { MAX_IMAGE_BYTES, MAX_PIXELS } from "../image/limits.js";
import type { PixelImage } from "../image/pixel-image.js";

export interface DecodeLimits {
  /** File size in bytes. Default: {@link MAX_IMAGE_BYTES}. */
  readonly maxBytes?: number;
  /** Columns times rows. Default: {@link MAX_PIXELS}. */
  readonly maxPixels?: number;
}

/** Colour spaces with a unique conversion to RGB, and CMYK. */
const READ_SPACES: ReadonlySet<string> = new Set(["srgb", "rgb", "rgb16", "b-w", "grey16", "cmyk"]);

/** The decoder's messages for intact files of an unsupported sample format. */
const UNREAD_KIND = /samples out of range|bad \w+ format|not supported|unsupported/u;

/**
 * Reads an image file.
 *
 * @throws SlmError INPUT_MISSING if the file does not exist, DATA_INVALID as {@link decodeImage}.
 */
export async function readImage(file: string, limits: DecodeLimits = {}): Promise<PixelImage> {
  return decodeImage(await readImageBytes(file, limits.maxBytes), file, limits);
}

/**
 * The bytes of a file within the limit.
 *
 * @throws SlmError INPUT_MISSING if the file does not exist, DATA_INVALID if it is too large.
 */
export async function readImageBytes(file: string, maxBytes = MAX_IMAGE_BYTES): Promise<Uint8Array> {
  const missing = (cause: unknown): SlmError =>
    new SlmError("INPUT_MISSING", `${file}: no such image file`, { context: { file }, cause });
  const handle = await openRegular(file).catch((cause: unknown) => {
    throw missing(cause);
  });
  try {
    const { size } = await handle.stat();
    checkBytes(size, maxBytes, file);
    const bytes = new Uint8Array(size);
    const { bytesRead } = await handle.read(bytes, 0, size, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function checkBytes(bytes: number, maxBytes: number, where: string): void {
  if (bytes <= maxBytes) return;
  throw new SlmError("DATA_INVALID", `${where}: the file has ${bytes} bytes, expected at most ${maxBytes}`);
}

/**
 * Decodes a JPEG, PNG, WebP, GIF, TIFF, or AVIF to pixels, rotated upright according to its EXIF orientation.
 *
 * Follows published image processors: colour profiles are not applied, transparency is dropped without blending, grey becomes three equal
 * channels, 16-bit samples keep their upper 8 bits, and CMYK is converted without a profile. Rejects several frames or pages, other colour
 * spaces, truncated or corrupt data, and more pixels or bytes than the limits.
 *
 * @param where the image, for error messages.
 * @throws SlmError DATA_INVALID
 */
export async function decodeImage(
  bytes: Uint8Array,
  where: string,
  { maxBytes = MAX_IMAGE_BYTES, maxPixels = MAX_PIXELS }: DecodeLimits = {},
): Promise<PixelImage> {
  checkBytes(bytes.byteLength, maxBytes, where);
  const format = imageFormatOf(bytes, where);
  return inTurn(() => nativePixels(bytes, format, { where, maxPixels }));
}

/**
 * Reads the header of an image and checks its claims.
 *
 * @throws SlmError DATA_INVALID as {@link decodeImage}, before memory is allocated for the pixels
 */
export async function readImageHeader(
  bytes: Uint8Array,
  where: string,
  { maxBytes = MAX_IMAGE_BYTES, maxPixels = MAX_PIXELS }: DecodeLimits = {},
): Promise<ImageHeader> {
  checkBytes(bytes.byteLength, maxBytes, where);
  const format = imageFormatOf(bytes, where);
  const { width, height } = await nativeHeader(bytes, format, { where, maxPixels });
  return { format, width, height };
}

export interface ImageHeader {
  readonly format: ImageFormat;
  /** Before rotation [pixels]. */
  readonly width: number;
  readonly height: number;
}

interface NativeRequest {
  readonly where: string;
  readonly maxPixels: number;
}

const OPTIONS = { failOn: "error", limitInputPixels: false, ignoreIcc: true } as const;

async function nativeHeader(
  bytes: Uint8Array,
  format: ImageFormat,
  { where, maxPixels }: NativeRequest,
): Promise<Metadata> {
  const load = await loadSharp();
  const found = await load(bytes, OPTIONS)
    .metadata()
    .catch((cause: unknown) => {
      throw corrupt(format, where, cause);
    });
  checkSides(found, maxPixels, where);
  checkKind(found, where);
  checkCost(found, format, bytes, where);
  return found;
}

async function nativePixels(
  bytes: Uint8Array,
  format: ImageFormat,
  request: NativeRequest,
): Promise<PixelImage> {
  const { where } = request;
  const found = await nativeHeader(bytes, format, request);
  const load = await loadSharp();
  const isInk = found.space === "cmyk";
  const upright = load(bytes, { ...OPTIONS, autoOrient: true });
  const spaced = isInk
    ? upright.pipelineColourspace("cmyk").toColourspace("cmyk")
    : upright.toColourspace("srgb").removeAlpha();
  const { data, info } = await spaced
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw corrupt(format, where, cause);
    });
  return isInk ? inksAsRgb(data, info, where) : threeChannels(data, info, where);
}

function corrupt(format: ImageFormat, where: string, cause: unknown): SlmError {
  const [reason = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
  const what = UNREAD_KIND.test(reason) ? `unsupported kind of ${format}` : `corrupt or truncated ${format}`;
  return new SlmError("DATA_INVALID", `${where}: ${what}: ${reason}`, { cause });
}

function checkKind({ pages, space }: Metadata, where: string): void {
  const reject = (reason: string): SlmError => new SlmError("DATA_INVALID", `${where}: ${reason}`);
  if (pages !== undefined && pages > 1) throw reject(`has ${pages} frames or pages, expected one`);
  if (!READ_SPACES.has(space)) throw reject(`colours are ${space}; convert the image to RGB or grey first`);
}

/**
 * Converts CMYK to RGB by `(255 - black) * (1 - ink / 255)`, without a colour profile.
 *
 * Source: Pillow's conversion from CMYK, including its rounding.
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
