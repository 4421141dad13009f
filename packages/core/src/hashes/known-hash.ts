/**
 * Caches SHA-256 hashes of files by device, inode, size and times: in memory for this process and, for large files, in the user's cache
 * folder, so that a large model is not read by every command.
 *
 * A faulty disk can change bytes without changing times, so a hash is cached for at most one day.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeBytesUnflushed } from "../files/atomic-write.js";
import { hashFile } from "./hash.js";
import { readJsonFile } from "../files/read-json.js";
import { SlmError } from "../errors/slm-error.js";
import { userCacheFolder } from "../files/user-cache.js";

/** Minimum size of files in the disk cache [bytes]. Hashing a smaller file is faster than reading the cache. */
const LARGE_BYTES = 32n * 1024n * 1024n;
/** How long a hash is cached [ms]. */
const REMEMBERED_MS = 24 * 60 * 60 * 1000;
/** A file that changed within this time can change again without a new time stamp [ms]. Source: Git's "racy" index entries. */
const UNSETTLED_MS = 2000;
/** Maximum number of hashes in memory, and in the cache folder. */
const LIMITS = { memory: 200_000, kept: 1024 } as const;

const seen = z.strictObject({
  bytes: z.string(),
  modified: z.string().describe("Modification time (mtime) [ns]."),
  changed: z.string().describe("Change time (ctime), which programs cannot set [ns]."),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  readAt: z.number().describe("Time when the file was read, since 1970 [ms]."),
});
type Seen = z.infer<typeof seen>;
const memorySchema = z.record(z.string(), seen);

const keptFile = (): string => join(userCacheFolder(), "file-hashes.json");

/** The hash cache of one process. */
export class KnownHashes {
  readonly #memory = new Map<string, Seen>();

  /** SHA-256 of a file, from the cache if the file has not changed. @throws as `hashFile` */
  async of(path: string): Promise<string> {
    const before = await stateOf(path);
    const isLarge = before.size >= LARGE_BYTES;
    const known = this.#memory.get(before.id) ?? (isLarge ? (await readKept())[before.id] : undefined);
    const readAt = Date.now();
    if (known !== undefined && isOf(known, before) && readAt - known.readAt < REMEMBERED_MS) {
      this.#memory.set(before.id, known);
      return known.sha256;
    }
    const sha256 = await hashFile(path);
    const { bytes, modified, changed } = before;
    const found: Seen = { bytes, modified, changed, sha256, readAt };
    if (!before.isSettled(readAt) || !isOf(found, await stateOf(path))) return sha256;
    if (this.#memory.size < LIMITS.memory) this.#memory.set(before.id, found);
    if (isLarge) await keep(before.id, found);
    return sha256;
  }
}

const ours = new KnownHashes();

/** {@link KnownHashes.of} for this process. */
export const knownHash = (path: string): Promise<string> => ours.of(path);

interface FileState extends Pick<Seen, "bytes" | "modified" | "changed"> {
  readonly id: string;
  readonly size: bigint;
  readonly isSettled: (now: number) => boolean;
}

async function stateOf(path: string): Promise<FileState> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return {
    id: `${dev}:${ino}`,
    size,
    bytes: String(size),
    modified: String(mtimeNs),
    changed: String(ctimeNs),
    isSettled: (now) => now - Number(ctimeNs / 1_000_000n) > UNSETTLED_MS,
  };
}

const isOf = (known: Seen, state: FileState): boolean =>
  known.bytes === state.bytes && known.modified === state.modified && known.changed === state.changed;

/** The hashes of earlier processes; empty if they cannot be read. */
async function readKept(): Promise<Readonly<Record<string, Seen>>> {
  try {
    return await readJsonFile(keptFile(), memorySchema);
  } catch (error) {
    if (error instanceof SlmError) return {};
    throw error;
  }
}

/** Adds a hash and removes the oldest one. If the cache folder cannot be written, hashing only takes longer. */
async function keep(id: string, found: Seen): Promise<void> {
  const entries = Object.entries({ ...(await readKept()), [id]: found });
  const latest = entries.sort(([, a], [, b]) => b.readAt - a.readAt).slice(0, LIMITS.kept);
  const text = JSON.stringify(Object.fromEntries(latest));
  await writeBytesUnflushed(keptFile(), Buffer.from(text)).catch((error: unknown) => {
    if (!(error instanceof SlmError)) throw error;
  });
}
