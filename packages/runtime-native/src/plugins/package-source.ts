/** The files of a package, in an archive or a folder. Paths are untrusted and checked here. */
import { SlmError, pathProblem } from "@slm/core";

export interface PackageEntry {
  /** Relative, portable, with slashes. */
  readonly path: string;
  readonly bytes: number;
}

export interface PackageSource {
  readonly kind: "archive" | "folder";
  /** Regular files only. */
  readonly entries: readonly PackageEntry[];
  /** The bytes of a file. Throws SlmError DATA_INVALID at the end if they do not match the archive's checksum or size. */
  readonly read: (path: string) => AsyncIterable<Buffer>;
  readonly close: () => void;
}

export interface PackageLimits {
  readonly entries: number;
  /** Total size of all unpacked files. */
  readonly bytes: number;
  /** Maximum ratio of unpacked size to archive size. Libraries compress to a third. */
  readonly ratio: number;
}

/** Qualcomm's whole SDK, the largest expected package, has 7,000 files and 3 GiB. */
export const PACKAGE_LIMITS: PackageLimits = { entries: 50_000, bytes: 8 * 1024 ** 3, ratio: 100 };

/** Names that Windows reserves for devices, with any extension. */
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/iu;

/** The problem with a path in a package; undefined if a file of that name can be written on every system. */
function entryProblem(path: string): string | undefined {
  const problem = pathProblem(path);
  if (problem !== undefined) return problem;
  const segments = path.split("/");
  if (segments.some((segment) => WINDOWS_DEVICE.test(segment))) return "Windows has a device of that name";
  if (segments.some((segment) => /[. ]$/u.test(segment))) return "a name ends in a dot or a space";
  return undefined;
}

/**
 * Checks the paths and sizes of a package's files.
 *
 * @throws SlmError DATA_INVALID for an unsafe path, two files of the same name on a system that ignores case, or above a limit
 */
export function checkEntries(
  source: string,
  entries: readonly PackageEntry[],
  { entries: most, bytes: mostBytes }: PackageLimits,
): void {
  if (entries.length > most) throw unsafe(source, `it has ${entries.length} files, the maximum is ${most}`);
  const total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > mostBytes) throw unsafe(source, `unpacked it has ${total} bytes, the maximum is ${mostBytes}`);
  const files = new Set<string>();
  for (const { path } of entries) {
    const problem = entryProblem(path);
    if (problem !== undefined) throw unsafe(source, `rejected path '${path}': ${problem}`);
    const key = comparable(path);
    if (files.has(key)) throw unsafe(source, `'${path}' is in it twice`);
    files.add(key);
  }
  for (const { path } of entries) {
    const parent = parentsOf(comparable(path)).find((folder) => files.has(folder));
    if (parent !== undefined) throw unsafe(source, `'${parent}' is both a file and the folder of '${path}'`);
  }
}

/** Systems that ignore case or the form of accents treat these names as equal. */
const comparable = (path: string): string => path.normalize("NFC").toLowerCase();

function parentsOf(path: string): readonly string[] {
  const segments = path.split("/");
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join("/"));
}

/** The error for a package that was not unpacked. */
export function unsafe(source: string, reason: string, cause?: unknown): SlmError {
  return new SlmError("DATA_INVALID", `${source}: ${reason}`, {
    context: { source },
    suggestions: ["download the package again and compare its SHA-256: --sha256 HASH"],
    cause,
  });
}

/** Reads a whole file of a package. @throws SlmError DATA_INVALID above `limit` bytes */
export async function readEntry(
  source: PackageSource,
  { path, bytes }: PackageEntry,
  limit: number,
): Promise<Buffer> {
  if (bytes > limit) throw unsafe(path, `it has ${bytes} bytes, the maximum is ${limit}`);
  return readStart(source, path, bytes);
}

/** The first bytes of a file of a package. */
export async function readStart(source: PackageSource, path: string, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of source.read(path)) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > bytes) break;
  }
  return Buffer.concat(chunks).subarray(0, bytes);
}
