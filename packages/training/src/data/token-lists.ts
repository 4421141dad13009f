/**
 * Rows of token lists on disk. Memory contains two or four bytes per list plus an eighth of a byte per row, whatever the length of the lists.
 * Everything else is read from the file when needed.
 */
import { open, type FileHandle } from "node:fs/promises";
import { writeFailure, SlmError } from "@slm/core";

/** Lengths of one list over all rows; two bytes each if the limit fits, else four. */
export type Lengths = Uint16Array | Int32Array;

/** Interval of rows with stored file offsets; the offsets in between follow from the lengths. */
const BLOCK = 64;
/** Write buffer [tokens]. */
const BUFFER = 1 << 16;
/** Longest list whose length plus one fits in two bytes. */
const LARGEST_SHORT = 0xfffe;

/** Writes rows one after another; only its buffer and the lengths are in memory. */
export class TokenListsWriter {
  private readonly path: string;
  private readonly handle: FileHandle;
  private readonly columns: readonly LengthColumn[];
  private readonly buffer = new Int32Array(BUFFER);
  private buffered = 0;
  private readonly starts: number[] = [];
  private position = 0;
  private count = 0;

  private constructor(path: string, handle: FileHandle, limits: readonly number[]) {
    this.path = path;
    this.handle = handle;
    this.columns = limits.map((limit) => new LengthColumn(limit));
  }

  /**
   * Creates a file, replacing an existing one.
   *
   * @param limits the longest length of each list [tokens].
   * @throws SlmError OUTPUT_FAILED
   */
  static async create(path: string, limits: readonly number[]): Promise<TokenListsWriter> {
    try {
      return new TokenListsWriter(path, await open(path, "w+"), limits);
    } catch (error) {
      throw writeFailure(error, path, "nothing was written");
    }
  }

  /** Adds a row. @throws SlmError UNEXPECTED for a list above its limit, OUTPUT_FAILED if writing fails. */
  async append(lists: readonly ArrayLike<number>[]): Promise<void> {
    if (this.count % BLOCK === 0) this.starts.push(this.position);
    for (const [index, column] of this.columns.entries()) {
      const list = lists[index] ?? [];
      column.push(list.length);
      for (let i = 0; i < list.length; i++) {
        if (this.buffered === BUFFER) await this.flush();
        this.buffer[this.buffered++] = list[i]!;
      }
      this.position += list.length;
    }
    this.count += 1;
  }

  /** Finishes the file and opens the rows for reading. The writer cannot be used afterwards. */
  async finish(): Promise<TokenLists> {
    await this.flush();
    return new TokenLists(
      this.path,
      this.handle,
      this.columns.map((column) => column.finish()),
      Float64Array.from(this.starts),
    );
  }

  /** Discards the file. */
  async abandon(): Promise<void> {
    await this.handle.close();
  }

  private async flush(): Promise<void> {
    const bytes = new Uint8Array(this.buffer.buffer, 0, this.buffered * Int32Array.BYTES_PER_ELEMENT);
    try {
      for (let done = 0; done < bytes.length;)
        done += (await this.handle.write(bytes, done, bytes.length - done)).bytesWritten;
    } catch (error) {
      throw writeFailure(error, this.path, "discard the rows written so far");
    }
    this.buffered = 0;
  }
}

/** Rows of a fixed number of lists. */
export class TokenLists {
  readonly count: number;
  /** Lengths of each list by row [tokens]. */
  readonly lengths: readonly Lengths[];
  private readonly path: string;
  private readonly handle: FileHandle;
  /** Start of every {@link BLOCK}th row [tokens]. */
  private readonly starts: Float64Array;

  constructor(path: string, handle: FileHandle, lengths: readonly Lengths[], starts: Float64Array) {
    this.path = path;
    this.handle = handle;
    this.lengths = lengths;
    this.starts = starts;
    this.count = lengths[0]?.length ?? 0;
  }

  /** The lists of some rows: `[list][index into rows]`. */
  async read(rows: ArrayLike<number>): Promise<Int32Array[][]> {
    const whole = await Promise.all(Array.from(rows, (row) => this.readRow(row)));
    return this.lengths.map((_, list) => whole.map((lists) => lists[list]!));
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private async readRow(row: number): Promise<Int32Array[]> {
    if (!Number.isInteger(row) || row < 0 || row >= this.count)
      throw new SlmError("UNEXPECTED", `${this.path}: row ${row} of ${this.count} does not exist`);
    const first = row - (row % BLOCK);
    let start = this.starts[first / BLOCK]!;
    for (let before = first; before < row; before++) start += this.sizeOf(before);
    const tokens = new Int32Array(this.sizeOf(row));
    await this.readFully(new Uint8Array(tokens.buffer), start * Int32Array.BYTES_PER_ELEMENT);
    let at = 0;
    return this.lengths.map((lengths) => tokens.subarray(at, (at += lengths[row]!)));
  }

  private sizeOf(row: number): number {
    return this.lengths.reduce((sum, lengths) => sum + lengths[row]!, 0);
  }

  private async readFully(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesRead } = await this.handle.read(bytes, done, bytes.length - done, position + done);
      if (bytesRead === 0)
        throw new SlmError("DATA_INVALID", `${this.path}: ends before byte ${position + bytes.length}`);
      done += bytesRead;
    }
  }
}

/** A growing list of lengths, one per row. */
class LengthColumn {
  private readonly limit: number;
  private values: Lengths;
  private count = 0;

  constructor(limit: number) {
    this.limit = limit;
    this.values = limit > LARGEST_SHORT ? new Int32Array(BLOCK) : new Uint16Array(BLOCK);
  }

  push(length: number): void {
    if (length > this.limit)
      throw new SlmError(
        "UNEXPECTED",
        `token lists: a list has ${length} tokens, expected at most ${this.limit}`,
      );
    if (this.count === this.values.length) this.values = resized(this.values, 2 * this.count);
    this.values[this.count++] = length;
  }

  finish(): Lengths {
    return resized(this.values, this.count);
  }
}

function resized(values: Lengths, size: number): Lengths {
  const result = values instanceof Uint16Array ? new Uint16Array(size) : new Int32Array(size);
  result.set(values.subarray(0, size));
  return result;
}
