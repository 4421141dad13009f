/** Reads little-endian numbers and texts of a file in sequence, through a buffer of fixed size. */
import type { FileHandle } from "node:fs/promises";
import { openRegular, readFailure, type SlmError } from "@slm/core";
import { invalidFile } from "./invalid-file.js";

const WINDOW_BYTES = 1 << 20;

/** Descriptions end within the first bytes of a file; the largest vocabularies have 15 MiB. */
const DESCRIPTION_BYTES = 256 * 1024 * 1024;

/** Scalar types by their names in the format; `read` reads one from a view, little-endian. */
export const SCALARS = {
  uint8: { bytes: 1, read: (view: DataView, at: number) => view.getUint8(at) },
  int8: { bytes: 1, read: (view: DataView, at: number) => view.getInt8(at) },
  uint16: { bytes: 2, read: (view: DataView, at: number) => view.getUint16(at, true) },
  int16: { bytes: 2, read: (view: DataView, at: number) => view.getInt16(at, true) },
  uint32: { bytes: 4, read: (view: DataView, at: number) => view.getUint32(at, true) },
  int32: { bytes: 4, read: (view: DataView, at: number) => view.getInt32(at, true) },
  float32: { bytes: 4, read: (view: DataView, at: number) => view.getFloat32(at, true) },
  uint64: { bytes: 8, read: (view: DataView, at: number) => view.getBigUint64(at, true) },
  int64: { bytes: 8, read: (view: DataView, at: number) => view.getBigInt64(at, true) },
  float64: { bytes: 8, read: (view: DataView, at: number) => view.getFloat64(at, true) },
} as const;
export type Scalar = keyof typeof SCALARS;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class FileReader {
  readonly file: string;
  readonly size: number;
  readonly #handle: FileHandle;
  #window = new DataView<ArrayBuffer>(new ArrayBuffer(0));
  #windowStart = 0;
  #position = 0;

  /** Name of the file's format, for errors. */
  readonly #format: string;

  private constructor(file: string, handle: FileHandle, size: number, format: string) {
    this.file = file;
    this.#format = format;
    this.#handle = handle;
    this.size = size;
  }

  /** @throws SlmError INPUT_MISSING if the file does not exist */
  static async open(file: string, format: string): Promise<FileReader> {
    try {
      const handle = await openRegular(file);
      return new FileReader(file, handle, (await handle.stat()).size, format);
    } catch (error) {
      throw readFailure(error, file);
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** Position of the next read [bytes from the start of the file]. */
  get position(): number {
    return this.#position;
  }

  /** Bytes from the position to the end of the file. */
  get remaining(): number {
    return this.size - this.#position;
  }

  /** Reads the next number. @throws SlmError DATA_INVALID past the end */
  async scalar<Type extends Scalar>(
    type: Type,
    what: string,
  ): Promise<ReturnType<(typeof SCALARS)[Type]["read"]>> {
    const { bytes, read } = SCALARS[type];
    const at = await this.#advance(bytes, what);
    return read(this.#window, at) as ReturnType<(typeof SCALARS)[Type]["read"]>;
  }

  /** Reads the next 64-bit count or offset. @throws SlmError DATA_INVALID above `limit` */
  async count(limit: number, what: string): Promise<number> {
    const value = await this.scalar("uint64", what);
    if (value > BigInt(limit)) {
      throw this.#invalid(`${what} is ${value.toString()}, expected at most ${limit}`);
    }
    return Number(value);
  }

  /** Reads the next text: a 64-bit length and UTF-8. @throws SlmError DATA_INVALID above `limitBytes`, past the end, or if it is not UTF-8 */
  async text(limitBytes: number, what: string): Promise<string> {
    const length = await this.count(limitBytes, `the length of ${what}`);
    const at = await this.#advance(length, what);
    try {
      return utf8.decode(new Uint8Array(this.#window.buffer, at, length));
    } catch {
      throw this.#invalid(`${what} is not UTF-8 text`);
    }
  }

  /** Reads the next bytes, as a copy. @throws SlmError DATA_INVALID past the end */
  async bytes(length: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
    const at = await this.#advance(length, what);
    return new Uint8Array(this.#window.buffer.slice(at, at + length));
  }

  /** Reads bytes anywhere in the file, as a copy. @throws SlmError DATA_INVALID past the end */
  async bytesAt(position: number, length: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
    if (position + length > this.size) {
      throw this.#invalid(`${what} ends at byte ${position + length} of ${this.size}; the file is truncated`);
    }
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const { bytesRead } = await this.#handle.read(
        bytes,
        done,
        Math.min(2 ** 28, length - done),
        position + done,
      );
      if (bytesRead === 0) throw this.#invalid(`${what} ends early; the file became shorter`);
      done += bytesRead;
    }
    return bytes;
  }

  /** Advances by `length` bytes and loads them into the buffer; returns their start in it. */
  async #advance(length: number, what: string): Promise<number> {
    const start = this.#position;
    if (start + length > DESCRIPTION_BYTES) {
      throw this.#invalid(`${what} is beyond the first ${DESCRIPTION_BYTES} bytes, where descriptions end`);
    }
    const windowEnd = this.#windowStart + this.#window.byteLength;
    if (start < this.#windowStart || start + length > windowEnd) {
      const wanted = Math.max(length, Math.min(WINDOW_BYTES, this.remaining));
      const bytes = await this.bytesAt(start, wanted, what);
      this.#window = new DataView(bytes.buffer);
      this.#windowStart = start;
    }
    this.#position = start + length;
    return start - this.#windowStart;
  }

  #invalid(message: string): SlmError {
    return invalidFile(this.file, message, this.#format);
  }
}
