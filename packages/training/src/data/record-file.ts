/** Fixed-size records on disk with random access, for images that do not fit in memory. */
import { open, stat, type FileHandle } from "node:fs/promises";
import { movePath, writeFailure, SlmError } from "@slm/core";

/** Write buffer [bytes]. */
const BUFFER_BYTES = 1 << 22;

/** Writes records sequentially to a file that is renamed when complete. */
export class RecordFileWriter {
  private readonly path: string;
  private readonly handle: FileHandle;
  private readonly bytes: number;
  private readonly buffer: Uint8Array;
  private buffered = 0;

  private constructor(path: string, handle: FileHandle, bytes: number) {
    this.path = path;
    this.handle = handle;
    this.bytes = bytes;
    this.buffer = new Uint8Array(Math.max(bytes, BUFFER_BYTES - (BUFFER_BYTES % bytes)));
  }

  /** @param bytes size of one record. @throws SlmError OUTPUT_FAILED */
  static async create(path: string, bytes: number): Promise<RecordFileWriter> {
    try {
      return new RecordFileWriter(path, await open(unfinished(path), "w"), bytes);
    } catch (error) {
      throw writeFailure(error, path, "nothing was written");
    }
  }

  /** @throws SlmError UNEXPECTED for a record of another size, OUTPUT_FAILED if writing fails. */
  async append(record: Uint8Array): Promise<void> {
    if (record.length !== this.bytes)
      throw new SlmError(
        "UNEXPECTED",
        `${this.path}: a record has ${record.length} bytes, expected ${this.bytes}`,
      );
    if (this.buffered + record.length > this.buffer.length) await this.flush();
    this.buffer.set(record, this.buffered);
    this.buffered += record.length;
  }

  /** Renames the complete file and opens it for reading. */
  async finish(): Promise<RecordFile> {
    await this.flush();
    await this.handle.close();
    try {
      await movePath(unfinished(this.path), this.path);
    } catch (error) {
      throw writeFailure(error, this.path, "discard the records written so far");
    }
    return RecordFile.open(this.path, this.bytes);
  }

  /** Discards the file. */
  async abandon(): Promise<void> {
    await this.handle.close();
  }

  private async flush(): Promise<void> {
    try {
      for (let done = 0; done < this.buffered;)
        done += (await this.handle.write(this.buffer, done, this.buffered - done)).bytesWritten;
    } catch (error) {
      throw writeFailure(error, this.path, "discard the records written so far");
    }
    this.buffered = 0;
  }
}

const unfinished = (path: string): string => `${path}.unfinished`;

/** A complete file of records. */
export class RecordFile {
  readonly count: number;
  private readonly path: string;
  private readonly handle: FileHandle;
  private readonly bytes: number;

  private constructor(path: string, handle: FileHandle, bytes: number, count: number) {
    this.path = path;
    this.handle = handle;
    this.bytes = bytes;
    this.count = count;
  }

  /** @throws SlmError INPUT_MISSING; DATA_INVALID if the file does not consist of whole records of this size. */
  static async open(path: string, bytes: number): Promise<RecordFile> {
    const size = await stat(path).then(
      (found) => found.size,
      (cause: unknown) => {
        throw new SlmError("INPUT_MISSING", `${path}: no such file`, { cause });
      },
    );
    if (size % bytes !== 0)
      throw new SlmError("DATA_INVALID", `${path}: ${size} bytes are not whole records of ${bytes}`);
    return new RecordFile(path, await open(path, "r"), bytes, size / bytes);
  }

  /** The records at the given indices. @throws SlmError UNEXPECTED for an index beyond the file, DATA_INVALID for a truncated file */
  read(places: ArrayLike<number>): Promise<Uint8Array[]> {
    return Promise.all(Array.from(places, (place) => this.readOne(place)));
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private async readOne(place: number): Promise<Uint8Array> {
    if (!Number.isInteger(place) || place < 0 || place >= this.count)
      throw new SlmError("UNEXPECTED", `${this.path}: record ${place} of ${this.count} does not exist`);
    const record = new Uint8Array(this.bytes);
    for (let done = 0; done < record.length;) {
      const { bytesRead } = await this.handle.read(
        record,
        done,
        record.length - done,
        place * this.bytes + done,
      );
      if (bytesRead === 0) throw new SlmError("DATA_INVALID", `${this.path}: ends inside record ${place}`);
      done += bytesRead;
    }
    return record;
  }
}
