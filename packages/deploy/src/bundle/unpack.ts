/**
 * Unpacks a bundle from an untrusted source. The manifest comes first. After it, only files that it lists, with the sizes it lists,
 * are written, and only into a work directory that becomes the bundle once every hash is right.
 */
import type { FileHandle } from "node:fs/promises";
import { MANIFEST_FILE, openRegular, SIGNATURE_FILE, readFailure, type Manifest, SlmError } from "@slm/core";
import { BUNDLE_LIMITS, type BundleLimits } from "./limits.js";
import { parseManifest, placeBundle, writePieces } from "./place-directory.js";
import { TAR_BLOCK, paddingAfter, parseTarHeader, type TarEntry } from "./tar-header.js";

/** Size of one read [bytes]. */
const PIECE_BYTES = 1 << 20;

/**
 * Unpacks `file` into `directory`.
 *
 * @throws SlmError INPUT_MISSING; DATA_INVALID for an archive that is corrupt, contains other files than its manifest
 * lists, or exceeds the limits; OUTPUT_FAILED. Then nothing is written.
 */
export async function unpackBundle(
  file: string,
  directory: string,
  limits: BundleLimits = BUNDLE_LIMITS,
): Promise<Manifest> {
  const handle = await openRegular(file).catch((error: unknown) => {
    throw readFailure(error, file, ["slm deploy MODEL -o NAME.slm"]);
  });
  try {
    const { size } = await handle.stat().catch((error: unknown) => {
      throw readFailure(error, file);
    });
    const archive = new TarReader(handle, { file, size });
    return await placeBundle(directory, (work) => unpackInto(work, archive, limits));
  } finally {
    await handle.close();
  }
}

async function unpackInto(work: string, archive: TarReader, limits: BundleLimits): Promise<void> {
  const first = await archive.next();
  if (first?.path !== MANIFEST_FILE)
    throw archive.rejected(`expected ${MANIFEST_FILE} first, got ${first?.path ?? "nothing"}`);
  const manifestBytes = await archive.small(first, limits.manifestBytes);
  const { outputs } = parseManifest(manifestBytes, archive.file, limits);
  await writePieces(work, first, [manifestBytes]);
  let isSigned = false;
  const expected = new Map(outputs.map(({ path, bytes }) => [path, bytes]));
  for (let entry = await archive.next(); entry !== undefined; entry = await archive.next()) {
    if (entry.path === SIGNATURE_FILE) {
      if (isSigned) throw archive.rejected(`'${entry.path}' occurs twice`);
      isSigned = true;
      await writePieces(work, entry, [await archive.small(entry, limits.signatureBytes)]);
      continue;
    }
    const bytes = expected.get(entry.path);
    if (bytes === undefined)
      throw archive.rejected(`'${entry.path}' is not in the manifest, or occurs twice`);
    if (bytes !== entry.bytes) {
      throw archive.rejected(`'${entry.path}' has ${entry.bytes} bytes, the manifest says ${bytes}`);
    }
    expected.delete(entry.path);
    await writePieces(work, entry, archive.pieces(entry));
  }
  const [missing] = expected.keys();
  if (missing !== undefined) throw archive.rejected(`'${missing}' is in the manifest but not in the archive`);
}

class TarReader {
  readonly file: string;
  readonly #handle: FileHandle;
  readonly #size: number;
  #at = 0;

  constructor(handle: FileHandle, { file, size }: { readonly file: string; readonly size: number }) {
    this.#handle = handle;
    this.file = file;
    this.#size = size;
  }

  rejected(problem: string): SlmError {
    return new SlmError("DATA_INVALID", `${this.file}: ${problem}`, {
      context: { archive: this.file },
      suggestions: ["fetch or copy the bundle again"],
    });
  }

  /** The next entry; undefined at the end. Read its contents before the next call. */
  async next(): Promise<TarEntry | undefined> {
    const entry = parseTarHeader(await this.#read(TAR_BLOCK), this.file);
    if (entry === undefined) {
      await this.#expectEnd();
      return undefined;
    }
    if (entry.bytes > this.#size - this.#at) {
      throw this.rejected(
        `'${entry.path}' has ${entry.bytes} bytes, the archive ends after ${this.#size - this.#at}`,
      );
    }
    return entry;
  }

  /** Reads the contents of a file into memory. */
  async small({ path, bytes }: TarEntry, limit: number): Promise<Uint8Array> {
    if (bytes > limit) throw this.rejected(`'${path}' has ${bytes} bytes; at most ${limit} are allowed`);
    const contents = await this.#read(bytes);
    await this.#skipPadding(bytes);
    return contents;
  }

  async *pieces({ bytes }: TarEntry): AsyncGenerator<Uint8Array> {
    for (let left = bytes; left > 0; left -= PIECE_BYTES) yield await this.#read(Math.min(left, PIECE_BYTES));
    await this.#skipPadding(bytes);
  }

  async #skipPadding(bytes: number): Promise<void> {
    const padding = await this.#read(paddingAfter(bytes));
    if (padding.some((byte) => byte !== 0)) throw this.rejected("bytes other than zero between two files");
  }

  async #expectEnd(): Promise<void> {
    const second = await this.#read(TAR_BLOCK);
    if (second.some((byte) => byte !== 0) || this.#at !== this.#size) {
      throw this.rejected("bytes after the end of the archive");
    }
  }

  async #read(length: number): Promise<Uint8Array> {
    const buffer = Buffer.alloc(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.#handle.read(buffer, done, length - done, this.#at + done);
      if (bytesRead === 0) throw this.rejected(`the archive is truncated after ${this.#at + done} bytes`);
      done += bytesRead;
    }
    this.#at += length;
    return buffer;
  }
}
