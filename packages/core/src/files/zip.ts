/**
 * Zip archives that somebody else wrote. yauzl reads them; its own reader of files throws outside of its caller's reach for a place that no
 * file has, so every place is checked against the file's size here.
 */
import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { fromRandomAccessReaderPromise, RandomAccessReader, type Options, type ZipFile } from "yauzl";
import { openRegular } from "./regular-file.js";

/** Bytes read at once. */
const PIECE_BYTES = 1 << 16;

/**
 * Opens a zip archive. `close` of what is returned closes the file, too.
 *
 * @throws Error for what is no zip archive; SlmError INPUT_MISSING for what is no regular file; errors of the system, such as ENOENT
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

  /** @param end the first byte that is not read */
  override _readStreamForRange(start: number, end: number): Readable {
    // A stream of Node's would close the file with itself.
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

const outside = (): Error => new Error("it names a place that is not in the file");
