/** Reads a zip archive, such as a wheel. yauzl parses it; links, encrypted files and special files are rejected. */
import { stat } from "node:fs/promises";
import * as zlib from "node:zlib";
import { SlmError } from "@slm/core";
import { openZip as openArchive } from "@slm/core/zip";
import type { Entry, ZipFile } from "yauzl";
import {
  checkEntries,
  unsafe,
  type PackageEntry,
  type PackageLimits,
  type PackageSource,
} from "./package-source.js";

/** @throws SlmError DATA_INVALID if the file is not a zip archive, or not safe to unpack */
export async function openZip(path: string, limits: PackageLimits): Promise<PackageSource> {
  const { size } = await stat(path);
  const zip = await openArchive(path, { strictFileNames: true }).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    // Checked before the entries are read, because the archive declares their number.
    if (zip.entryCount > limits.entries)
      throw unsafe(path, `it has ${zip.entryCount} files, the maximum is ${limits.entries}`);
    const found = await readEntries(path, zip);
    const entries = [...found].map(([name, entry]): PackageEntry => entryOf(name, entry));
    checkEntries(path, entries, { ...limits, bytes: Math.min(limits.bytes, size * limits.ratio) });
    return {
      kind: "archive",
      entries,
      read: (name) => contents(path, zip, found.get(name)!),
      close: () => {
        zip.close();
      },
    };
  } catch (error) {
    zip.close();
    throw error;
  }
}

const entryOf = (path: string, { uncompressedSize }: Entry): PackageEntry => ({
  path,
  bytes: uncompressedSize,
});

async function readEntries(path: string, zip: ZipFile): Promise<ReadonlyMap<string, Entry>> {
  const found = new Map<string, Entry>();
  try {
    for await (const entry of zip.eachEntry()) {
      const { fileName } = entry;
      if (isFolder(entry)) continue;
      const problem = contentProblem(entry);
      if (problem !== undefined) throw unsafe(path, `'${fileName}' ${problem}`);
      if (found.has(fileName)) throw unsafe(path, `'${fileName}' is in it twice`);
      found.set(fileName, entry);
    }
  } catch (error) {
    throw error instanceof SlmError ? error : unreadable(path, error);
  }
  return found;
}

const isFolder = ({ fileName, uncompressedSize }: Entry): boolean =>
  fileName.endsWith("/") && uncompressedSize === 0;

/** Unix file types in the upper half of an entry's attributes. Source: sys/stat.h. */
const FILE_TYPE = 0o170000;
const REGULAR = 0o100000;
const LINK = 0o120000;

function contentProblem(entry: Entry): string | undefined {
  const type = (entry.externalFileAttributes >>> 16) & FILE_TYPE;
  if (type === LINK) return "is a link";
  if (type !== 0 && type !== REGULAR) return "is not a regular file";
  if (entry.isEncrypted()) return "is encrypted";
  if (!entry.canDecodeFileData()) return `uses the unsupported compression method ${entry.compressionMethod}`;
  return undefined;
}

/** The unpacked bytes. yauzl compares their size with the archive's; this compares their CRC-32. */
async function* contents(path: string, zip: ZipFile, entry: Entry): AsyncGenerator<Buffer> {
  let crc = 0;
  try {
    const stream: AsyncIterable<Buffer> = await zip.openReadStreamPromise(entry);
    for await (const chunk of stream) {
      crc = zlib.crc32(chunk, crc);
      yield chunk;
    }
  } catch (error) {
    throw unreadable(`${path}: ${entry.fileName}`, error);
  }
  if (crc !== entry.crc32)
    throw unsafe(path, `'${entry.fileName}' is corrupt: its CRC-32 does not match the archive`);
}

function unreadable(what: string, error: unknown): SlmError {
  const reason = error instanceof Error ? error.message : String(error);
  return unsafe(what, `not a readable zip archive: ${reason}`, error);
}
