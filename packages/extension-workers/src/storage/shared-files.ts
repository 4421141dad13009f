/**
 * The files of one run in shared storage. References contain a file's size and hash, so they fit into a job and allow verification. Large
 * files are stored in pieces by content, so an interrupted transfer continues with the next piece.
 *
 *   <run>/pieces/<sha256>     up to 32 MiB
 *   <run>/lists/<sha256>      of a file of several pieces: their hashes, in order
 */
import { createHash, randomBytes } from "node:crypto";
import { open, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  movePath,
  hashFile,
  makeFolder,
  parseJsonText,
  relativePath,
  resolveInside,
  sha256,
  SlmError,
} from "@slm/core";
import { z } from "zod";
import type { DirectoryStore } from "./directory-store.js";

/** Bytes of a piece. */
const PIECE_BYTES = 32 * 1024 * 1024;
/** Bytes of a hash in a list of pieces, with quotes and separator. */
const LISTED_BYTES = 67;
const EMPTY = sha256("");

const digest = z.string().regex(/^[0-9a-f]{64}$/u, "expected 64 hexadecimal digits");

/** A file in shared storage. */
export const fileRef = z.strictObject({ bytes: z.int().nonnegative(), sha256: digest });
export type FileRef = Readonly<z.infer<typeof fileRef>>;

const listSchema = z.array(digest);
const treeSchema = z.array(fileRef.extend({ path: relativePath }));

export class SharedFiles {
  readonly store: DirectoryStore;
  /** The folder of the run in the storage. */
  readonly run: string;
  #traffic = 0;

  constructor(store: DirectoryStore, run: string) {
    this.store = store;
    this.run = run;
  }

  /** Bytes sent and received so far. */
  get traffic(): number {
    return this.#traffic;
  }

  /** Stores bytes. @throws SlmError OUTPUT_FAILED */
  async putBytes(bytes: Uint8Array): Promise<FileRef> {
    const hash = sha256(bytes);
    const pieces: string[] = [];
    for (let at = 0; at < bytes.length; at += PIECE_BYTES)
      pieces.push(await this.#putPiece(bytes.subarray(at, at + PIECE_BYTES)));
    await this.#putList(hash, pieces);
    return { bytes: bytes.length, sha256: hash };
  }

  /** Stores a file, with one piece in memory at a time. Existing pieces are not sent again. @throws SlmError OUTPUT_FAILED */
  async putFile(path: string): Promise<FileRef> {
    const handle = await open(path, "r");
    const whole = createHash("sha256");
    const pieces: string[] = [];
    let bytes = 0;
    try {
      const { size } = await handle.stat();
      while (bytes < size) {
        const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, size - bytes));
        let filled = 0;
        while (filled < piece.length) {
          const { bytesRead } = await handle.read(piece, filled, piece.length - filled, bytes + filled);
          if (bytesRead === 0)
            throw new SlmError("DATA_INVALID", `${path}: the file became shorter while it was being read`);
          filled += bytesRead;
        }
        whole.update(piece);
        pieces.push(await this.#putPiece(piece));
        bytes += piece.length;
      }
    } finally {
      await handle.close();
    }
    const hash = whole.digest("hex");
    await this.#putList(hash, pieces);
    return { bytes, sha256: hash };
  }

  /** Stores all files in a directory, or the selected ones. @throws SlmError OUTPUT_FAILED */
  async putTree(directory: string, isIn: (path: string) => boolean = () => true): Promise<FileRef> {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(directory.length + 1)
          .replaceAll("\\", "/"),
      )
      .filter(isIn)
      .sort();
    const files: z.infer<typeof treeSchema> = [];
    for (const path of paths) files.push({ path, ...(await this.putFile(join(directory, path))) });
    return this.putBytes(Buffer.from(JSON.stringify(files)));
  }

  /** Reads and verifies a file of at most one piece. @throws SlmError INPUT_MISSING, DATA_INVALID */
  async getBytes(ref: FileRef): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.#pieces(ref)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** Copies a file to `path`, which appears only when complete and verified. @throws SlmError INPUT_MISSING, DATA_INVALID */
  async getFile(ref: FileRef, path: string): Promise<void> {
    await makeFolder(dirname(path));
    const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
    try {
      const handle = await open(temporary, "wx");
      try {
        for await (const piece of this.#pieces(ref)) await handle.writeFile(piece);
      } finally {
        await handle.close();
      }
      await movePath(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /** Copies all files of a tree into `directory`. Files that are already correct are kept. @throws SlmError INPUT_MISSING, DATA_INVALID */
  async getTree(ref: FileRef, directory: string): Promise<void> {
    const files = this.#parsed(await this.getBytes(ref), treeSchema, ref.sha256);
    for (const { path, ...file } of files) {
      const target = resolveInside(directory, path);
      const size = await stat(target).then(
        (entry) => entry.size,
        () => -1,
      );
      if (size === file.bytes && (await hashFile(target)) === file.sha256) continue;
      await this.getFile(file, target);
    }
  }

  /** Removes all files of the run. */
  async remove(): Promise<void> {
    await this.store.removeFolder(this.run);
  }

  async #putPiece(piece: Uint8Array): Promise<string> {
    const hash = sha256(piece);
    const key = this.#pieceKey(hash);
    if (await this.store.has(key)) return hash;
    await this.store.put(key, piece);
    this.#traffic += piece.length;
    return hash;
  }

  /** Stores the list of a file's pieces. A file of one piece needs no list. */
  async #putList(hash: string, pieces: readonly string[]): Promise<void> {
    if (pieces.length > 1) await this.store.put(this.#listKey(hash), Buffer.from(JSON.stringify(pieces)));
  }

  /** Reads and verifies the pieces of a file, in order. */
  async *#pieces({ bytes, sha256: hash }: FileRef): AsyncGenerator<Buffer> {
    const whole = createHash("sha256");
    let read = 0;
    for (const piece of await this.#pieceHashes(bytes, hash)) {
      const found = await this.store.get(this.#pieceKey(piece), Math.min(PIECE_BYTES, bytes - read));
      if (found === undefined) throw this.#missing(hash);
      if (sha256(found) !== piece) throw this.#corrupt(piece);
      whole.update(found);
      this.#traffic += found.length;
      read += found.length;
      yield found;
    }
    if (read !== bytes || whole.digest("hex") !== hash) throw this.#corrupt(hash);
  }

  async #pieceHashes(bytes: number, hash: string): Promise<readonly string[]> {
    if (hash === EMPTY) return [];
    if (bytes <= PIECE_BYTES) return [hash];
    const count = Math.ceil(bytes / PIECE_BYTES);
    const list = await this.store.get(this.#listKey(hash), count * LISTED_BYTES + 1);
    if (list === undefined) throw this.#missing(hash);
    return this.#parsed(list, listSchema, hash);
  }

  #parsed<Value>(bytes: Buffer, schema: z.ZodType<Value>, hash: string): Value {
    return parseJsonText(bytes.toString("utf8"), schema, `shared storage ${this.store.shown}: file ${hash}`);
  }

  #pieceKey(hash: string): string {
    return `${this.run}/pieces/${hash}`;
  }

  #listKey(hash: string): string {
    return `${this.run}/lists/${hash}`;
  }

  #missing(hash: string): SlmError {
    return new SlmError(
      "INPUT_MISSING",
      `shared storage ${this.store.shown}: file ${hash} of run ${this.run} is missing`,
      {
        suggestions: ["start every worker with the same --storage as the run"],
      },
    );
  }

  #corrupt(hash: string): SlmError {
    return new SlmError(
      "DATA_INVALID",
      `shared storage ${this.store.shown}: file ${hash} of run ${this.run} does not match its checksum`,
    );
  }
}
