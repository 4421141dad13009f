/**
 * Decodes BMP files, which the native decoder does not support: uncompressed ones with palettes of 1, 4 or 8 bits or with 16, 24 or
 * 32 bits of colour, and run-length encoded ones of 4 and 8 bits.
 *
 * Source: Microsoft's BITMAPFILEHEADER, BITMAPCOREHEADER and BITMAPINFOHEADER to BITMAPV5HEADER.
 */
import { SlmError } from "@slm/core";
import type { PixelImage } from "../image/pixel-image.js";

const FILE_HEADER_BYTES = 14;
/** The header of OS/2 1.x, with 16-bit sizes and a palette of three bytes per colour. */
const CORE_HEADER_BYTES = 12;
const UNCOMPRESSED = 0;
/** Bits per pixel of each run-length compression, by its number. */
const RUNS: ReadonlyMap<number, number> = new Map([
  [1, 8],
  [2, 4],
]);
const BIT_FIELDS = new Set([3, 6]);
const BITS = new Set([1, 4, 8, 16, 24, 32]);

interface Header {
  readonly width: number;
  readonly height: number;
  /** Whether the first row of the file is the top row. */
  readonly isTopDown: boolean;
  readonly bits: number;
  readonly compression: number;
  readonly headerBytes: number;
  readonly colours: number;
  readonly dataOffset: number;
}

/**
 * Header of a bitmap, checked before memory is allocated for it.
 *
 * @throws SlmError DATA_INVALID if it is truncated or of an unsupported kind
 */
export function readBitmapHeader(bytes: Uint8Array, where: string): Header {
  if (bytes.length < FILE_HEADER_BYTES + CORE_HEADER_BYTES) throw corrupt(where, `${bytes.length} bytes`);
  const view = viewOf(bytes);
  const headerBytes = view.getUint32(14, true);
  const isCore = headerBytes === CORE_HEADER_BYTES;
  if (!isCore && (headerBytes < 40 || FILE_HEADER_BYTES + headerBytes > bytes.length))
    throw corrupt(where, `a header of ${headerBytes} bytes`);
  const height = isCore ? view.getUint16(20, true) : view.getInt32(22, true);
  const header: Header = {
    width: isCore ? view.getUint16(18, true) : view.getInt32(18, true),
    height: Math.abs(height),
    isTopDown: height < 0,
    bits: view.getUint16(isCore ? 24 : 28, true),
    compression: isCore ? UNCOMPRESSED : view.getUint32(30, true),
    headerBytes,
    colours: isCore ? 0 : view.getUint32(46, true),
    dataOffset: view.getUint32(10, true),
  };
  if (header.width < 1 || header.height < 1) throw corrupt(where, `${header.width} x ${height} pixels`);
  const { bits, compression } = header;
  const isRead =
    (compression === UNCOMPRESSED && BITS.has(bits)) ||
    RUNS.get(compression) === bits ||
    (BIT_FIELDS.has(compression) && (bits === 16 || bits === 32));
  if (isRead) return header;
  throw new SlmError(
    "DATA_INVALID",
    `${where}: a bitmap of ${bits} bits with compression ${compression} is not supported`,
  );
}

/**
 * Pixels of a bitmap; transparency is dropped.
 *
 * @throws SlmError DATA_INVALID as {@link readBitmapHeader}, and where pixels are missing
 */
export function decodeBitmap(bytes: Uint8Array, header: Header, where: string): PixelImage {
  const { width, height, isTopDown, bits, compression } = header;
  const data = new Uint8Array(3 * width * height);
  const rowBytes = 4 * Math.ceil((width * bits) / 32);
  const indexed = RUNS.has(compression);
  // In some files the pixels start at the offset of the palette.
  const start = bits <= 8 ? Math.max(header.dataOffset, paletteOf(header).end) : header.dataOffset;
  const content = indexed ? expandRuns(bytes, header, { start, where }) : bytes.subarray(start);
  const stride = indexed ? width : rowBytes;
  if (!indexed && content.length < stride * (height - 1) + Math.ceil((width * bits) / 8))
    throw corrupt(where, `${content.length} bytes of pixels for ${height} rows of ${stride}`);
  const put = bits <= 8 ? paletteReader(bytes, header, where) : directReader(bytes, header);
  for (let y = 0; y < height; y++) {
    const row = content.subarray(stride * (isTopDown ? y : height - 1 - y));
    for (let x = 0, to = 3 * y * width; x < width; x++, to += 3) put(row, x, data, to);
  }
  return { width, height, channels: 3, data };
}

/** Writes the colour of a pixel of a row to three samples of an image. No lists are made: an image may have 60 million pixels. */
type PutColour = (row: Uint8Array, x: number, data: Uint8Array, to: number) => void;

/** Offset of the palette, number of colours and bytes per colour. */
function paletteOf({ bits, headerBytes, colours }: Header): {
  readonly start: number;
  readonly end: number;
  readonly size: number;
  readonly count: number;
} {
  const size = headerBytes === CORE_HEADER_BYTES ? 3 : 4;
  const count = colours === 0 ? 2 ** bits : Math.min(colours, 2 ** bits);
  const start = FILE_HEADER_BYTES + headerBytes;
  return { start, end: start + size * count, size, count };
}

/** Reads palette indices of `bits` bits each, the first in the highest bits of a byte. */
function paletteReader(bytes: Uint8Array, header: Header, where: string): PutColour {
  const { bits, compression } = header;
  const { start, end, size, count } = paletteOf(header);
  if (end > bytes.length) throw corrupt(where, `a palette of ${count} colours`);
  const palette = new Uint8Array(3 * 2 ** bits);
  for (let index = 0; index < count; index++)
    for (let channel = 0; channel < 3; channel++)
      palette[3 * index + channel] = bytes[start + size * index + 2 - channel]!;
  const put = (index: number, data: Uint8Array, to: number): void => {
    data[to] = palette[3 * index]!;
    data[to + 1] = palette[3 * index + 1]!;
    data[to + 2] = palette[3 * index + 2]!;
  };
  if (RUNS.has(compression) || bits === 8)
    return (row, x, data, to) => {
      put(row[x]!, data, to);
    };
  const mask = 2 ** bits - 1;
  const perByte = 8 / bits;
  return (row, x, data, to) => {
    const byte = row[Math.floor(x / perByte)]!;
    put((byte >> (8 - bits * ((x % perByte) + 1))) & mask, data, to);
  };
}

/** Reads direct colours: blue, green, red in 24 bits, otherwise by the masks of the file. */
function directReader(bytes: Uint8Array, { bits, compression }: Header): PutColour {
  if (bits === 24)
    return (row, x, data, to) => {
      data[to] = row[3 * x + 2]!;
      data[to + 1] = row[3 * x + 1]!;
      data[to + 2] = row[3 * x]!;
    };
  const view = viewOf(bytes);
  const usual = bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff];
  const at = FILE_HEADER_BYTES + 40;
  const isMasked = BIT_FIELDS.has(compression) && bytes.length >= at + 12;
  const masks = isMasked ? [0, 4, 8].map((offset) => view.getUint32(at + offset, true)) : usual;
  const channels = masks.map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    return { shift, most: mask >>> shift };
  });
  const step = bits / 8;
  return (row, x, data, to) => {
    let value = 0;
    for (let byte = step - 1; byte >= 0; byte--) value = value * 256 + row[step * x + byte]!;
    for (let channel = 0; channel < 3; channel++) {
      const { shift, most } = channels[channel]!;
      data[to + channel] = most === 0 ? 0 : Math.floor((((value >>> shift) & most) * 255) / most);
    }
  };
}

/**
 * Expands run-length encoding to palette indices. A run is a count and a byte, or a zero and 0 (end of row), 1 (end), 2 (offset) or a
 * count of literal bytes. A byte holds one index of 8 bits, or two of 4 bits that alternate.
 */
function expandRuns(
  bytes: Uint8Array,
  { width, height, bits }: Header,
  { start, where }: { readonly start: number; readonly where: string },
): Uint8Array {
  const pixels = new Uint8Array(width * height);
  const numberOf = (byte: number, index: number): number =>
    bits === 8 ? byte : index % 2 === 0 ? byte >> 4 : byte & 15;
  let [x, y] = [0, 0];
  const put = (number: number): void => {
    if (x < width && y < height) pixels[y * width + x] = number;
    x++;
  };
  for (let at = start; at + 1 < bytes.length && y < height;) {
    const [count, code] = [bytes[at]!, bytes[at + 1]!];
    at += 2;
    if (count > 0) for (let index = 0; index < count; index++) put(numberOf(code, index));
    else if (code === 0) [x, y] = [0, y + 1];
    else if (code === 1) return pixels;
    else if (code === 2) {
      [x, y] = [x + (bytes[at] ?? 0), y + (bytes[at + 1] ?? 0)];
      at += 2;
    } else {
      const perByte = 8 / bits;
      for (let index = 0; index < code; index++)
        put(numberOf(bytes[at + Math.floor(index / perByte)] ?? 0, index));
      const used = Math.ceil(code / perByte);
      at += used + (used % 2);
    }
  }
  if (y < height - 1) throw corrupt(where, `runs end in row ${y + 1} of ${height}`);
  return pixels;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function corrupt(where: string, what: string): SlmError {
  return new SlmError("DATA_INVALID", `${where}: corrupt or truncated bmp: ${what}`);
}
