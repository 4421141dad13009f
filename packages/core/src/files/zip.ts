/**
 * Reads untrusted zip archives with yauzl. For a position outside the file, yauzl's own file reader throws an error that its caller cannot
 * catch, so this module checks every position first.
 */
import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { fromRandomAccessReaderPromise, RandomAccessReader, type Options, type ZipFile } from "yauzl";
import { openRegular } from "./regular-file.js";

/** Bytes per read. */
const PIECE_BYTES = 1 << 16;

/**
 * Opens a zip archive. Closing the result also closes the file.
 *
 * @throws Error if the file is not a zip archive; SlmError INPUT_MISSING if it is not a regular file; system errors such as ENOENT
 */
export async function openZip(
  path: string,
  options: Omit<Options, "autoClose" | "lazyEntries"> = {},
): Promise<ZipFile> {
  const handle = await openRegular(path);
  try {
    const { size } = await handle.stat();
    const reader = new BoundedReader(handle, size);
    return await fromRandomAccessReaderPromise(reader, size, {
      ...options,
      autoClose: false,
      lazyEntries: true,
    });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

class BoundedReader extends RandomAccessReader {
  readonly #handle: FileHandle;
  readonly #size: number;

  constructor(handle: FileHandle, size: number) {
    super();
    this.#handle = handle;
    this.#size = size;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    void this.#read(buffer.subarray(offset, offset + length), position).then(() => {
      callback(null);
    }, callback);
  }

  /** @param end position after the last byte to read */
  override _readStreamForRange(start: number, end: number): Readable {
    // A Node stream would close the file when it ends.
    return Readable.from(this.#pieces(start, end));
  }

  override close(callback: (error: Error | null) => void): void {
    void this.#handle.close().then(() => {
      callback(null);
    }, callback);
  }

  async #read(target: Buffer, position: number): Promise<void> {
    if (!this.#has(position, position + target.length)) throw outside();
    for (let done = 0; done < target.length;) {
      const { bytesRead } = await this.#handle.read(target, done, target.length - done, position + done);
      if (bytesRead === 0) throw outside();
      done += bytesRead;
    }
  }

  async *#pieces(start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = start; at < end; at += PIECE_BYTES) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, end - at));
      await this.#read(piece, at);
      yield piece;
    }
  }

  #has(start: number, end: number): boolean {
    return start >= 0 && start <= end && end <= this.#size;
  }
}

const outside = (): Error => new Error("it contains a position outside the file");
