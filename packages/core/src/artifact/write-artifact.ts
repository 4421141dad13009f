/**
 * Writes an artifact directory that appears whole or not at all.
 *
 *   X.partial/   unfinished work; survives a kill, so a long stage resumes inside it    (.work.json holds its key)
 *   X.previous/  the artifact being replaced, between two renames
 *   X/           complete, with manifest.json; never partly written
 */
import { readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { SlmError } from "../errors/slm-error.js";
import { z } from "zod";
import {
  isTemporaryPath,
  syncDirectory,
  syncFile,
  writeJsonAtomic,
  writeTextAtomic,
} from "../files/atomic-write.js";
import { isWriteRejection, systemCode, writeFailure } from "../errors/file-error.js";
import { makeFolder } from "../files/make-folder.js";
import { formatIndex, INDEX_FILE, type IndexedFile } from "./folder-index.js";
import { canonicalJson, hashFile } from "../hashes/hash.js";
import { withLock } from "../files/lock.js";
import {
  MANIFEST_FILE,
  manifestSchema,
  ownManifestText,
  readManifest,
  writeManifest,
  type ArtifactKind,
  type Manifest,
  type ManifestFile,
  type ManifestInput,
  type Origin,
} from "./manifest.js";
import { readJsonFile } from "../files/read-json.js";
import { listFiles, type DirectoryProblem } from "./verify.js";
import { SLM_VERSION } from "../version.js";

export interface ArtifactSpec {
  /** Where the finished directory appears. */
  readonly directory: string;
  readonly kind: ArtifactKind;
  /** Identifies inputs, settings, seed and code; unfinished work with another key is discarded. */
  readonly key: string;
  readonly inputs: readonly ManifestInput[];
  /** The resolved settings: plain JSON data. */
  readonly settings: unknown;
  readonly origins: Readonly<Record<string, Origin>>;
  readonly seed: number;
  /**
   * Folders with many files. Each gets a list of its files ({@link INDEX_FILE}), and the manifest names the list instead of the
   * files. A folder that `fill` does not create is ignored.
   */
  readonly indexed?: readonly string[] | undefined;
  /**
   * Names of files and folders, at any depth, that say how the run went: its times and speeds. They are verified, but not part of the
   * content.
   */
  readonly records?: readonly string[] | undefined;
  /**
   * Whether failed work is kept, so that the next call with the same key resumes it. If false, a failed call leaves nothing;
   * work of a killed process is discarded by the next call. Default true.
   */
  readonly isResumable?: boolean | undefined;
}

export interface WrittenArtifact<Details extends object> {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly details: Details;
}

/** Record of unfinished work; it is not part of the artifact. */
export const WORK_FILE = ".work.json";
const workSchema = z.strictObject({ key: z.string() });

/**
 * Fills a work directory, writes its manifest, and replaces `directory` with it.
 *
 * If `fill` throws or the process is killed, `directory` is unchanged and the work directory stays. The next
 * call with the same key passes the same work directory to `fill`, which continues from the files it finds there. Work that is
 * not resumable is removed if `fill` throws, including parent folders that were created for it.
 *
 * @param fill writes files into the work directory and returns the stage's report
 * @throws SlmError OUTPUT_FAILED if the system rejects a write or `directory` holds files that are not an artifact;
 * BUSY if another process writes it.
 */
export async function writeArtifact<Details extends object>(
  spec: ArtifactSpec,
  fill: (workDirectory: string) => Promise<Details>,
): Promise<WrittenArtifact<Details>> {
  if (spec.isResumable !== false) return write(spec, fill);
  const made = await missingAbove(dirname(resolve(spec.directory)));
  try {
    return await write(spec, fill);
  } catch (error) {
    await removeEmpty(made);
    throw error;
  }
}

async function write<Details extends object>(
  spec: ArtifactSpec,
  fill: (workDirectory: string) => Promise<Details>,
): Promise<WrittenArtifact<Details>> {
  const directory = resolve(spec.directory);
  const { isResumable = true } = spec;
  return withLock(directory, async (lost) => {
    const work = partialPath(directory);
    const unfinished = isResumable ? ` and unfinished work is kept in ${work}` : "";
    let isOpen = false;
    try {
      await recoverLocked(directory);
      await rejectExternalDirectory(directory);
      isOpen = true;
      if (!isResumable) await rm(work, { recursive: true, force: true });
      await openWorkDirectory(work, spec.key);
      const details = await fill(work);
      lost.throwIfAborted();
      const manifest = await finishWork(work, spec, details);
      await putInPlace(directory);
      return { directory, manifest, details };
    } catch (error) {
      // Another process may be writing there now.
      if (isOpen && !isResumable && !lost.aborted) await rm(work, { recursive: true, force: true });
      throw isWriteRejection(error, [directory, work, previousPath(directory)])
        ? writeFailure(error, pathOf(error) ?? work, `${directory} is unchanged${unfinished}`)
        : error;
    }
  });
}

/** `directory` and its parents that do not exist, the deepest first. */
async function missingAbove(directory: string): Promise<readonly string[]> {
  const missing: string[] = [];
  for (let at = directory; !(await isThere(at)); at = dirname(at)) {
    if (at === dirname(at)) break;
    missing.push(at);
  }
  return missing;
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Removes created folders that are still empty, the deepest first, up to the first one with content. */
async function removeEmpty(made: readonly string[]): Promise<void> {
  for (const directory of made) {
    const isGone = await rmdir(directory).then(
      () => true,
      (error: unknown) => systemCode(error) === "ENOENT",
    );
    if (!isGone) return;
  }
}

/**
 * Completes a replacement that a kill interrupted: afterwards `directory` is the new artifact if that was complete, else the old.
 * Called by {@link writeArtifact}; call it before reading a directory that an earlier process may have been replacing.
 */
export async function recoverArtifact(directory: string): Promise<void> {
  const target = resolve(directory);
  if (await exists(previousPath(target))) await withLock(target, () => recoverLocked(target));
}

/** As {@link recoverArtifact}, for a caller that holds the lock of `directory`, an absolute path. */
export async function recoverLocked(directory: string): Promise<void> {
  const previous = previousPath(directory);
  if (!(await exists(previous))) return;
  if (!(await exists(directory))) {
    const isComplete = await hasManifest(partialPath(directory));
    await rename(isComplete ? partialPath(directory) : previous, directory);
    await syncDirectory(dirname(directory));
  }
  await rm(previous, { recursive: true, force: true });
}

/** Replacing a directory deletes it, so only artifacts and empty directories may be replaced. */
async function rejectExternalDirectory(directory: string): Promise<void> {
  const entries = await readdir(directory).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  });
  // A corrupt manifest is still one of ours.
  if (entries.length === 0 || (await ownManifestText(directory)) !== undefined) return;
  throw new SlmError(
    "OUTPUT_FAILED",
    `${directory} holds files but no readable manifest.json: it may not be an slm artifact, so it is not replaced`,
    {
      context: { directory },
      suggestions: ["choose a new or empty directory", `delete it yourself: rm -r ${directory}`],
    },
  );
}

async function openWorkDirectory(work: string, key: string): Promise<void> {
  if ((await exists(work)) && (await recordedKey(work)) !== key) await rm(work, { recursive: true });
  await makeFolder(work);
  await writeJsonAtomic(join(work, WORK_FILE), { key });
  await rm(join(work, MANIFEST_FILE), { force: true });
  const leftovers = (await listFiles(work, "", [])).filter(isTemporaryPath);
  for (const path of leftovers) await rm(join(work, path));
}

/**
 * The key of unfinished work; undefined if it is unknown, and then the work is not used.
 * Work that was killed just before the final rename records its key only in its manifest.
 */
async function recordedKey(work: string): Promise<string | undefined> {
  const record = await ifReadable(readJsonFile(join(work, WORK_FILE), workSchema, { limitBytes: 4096 }));
  return (record ?? (await ifReadable(readManifest(work))))?.key;
}

async function finishWork(work: string, spec: ArtifactSpec, details: object): Promise<Manifest> {
  const manifest = manifestSchema.parse({
    schemaVersion: 1,
    kind: spec.kind,
    key: spec.key,
    inputs: spec.inputs,
    outputs: await describeOutputs(work, spec),
    settings: plainJson(spec.settings),
    origins: spec.origins,
    seed: spec.seed,
    versions: { slm: SLM_VERSION, node: process.version, platform: `${process.platform}-${process.arch}` },
    createdAt: creationTime(spec.kind).toISOString(),
    details: plainJson(details),
  });
  await writeManifest(work, manifest);
  await rm(join(work, WORK_FILE));
  await syncDirectory(work);
  return manifest;
}

/**
 * The creation time in the manifest. Bundles are reproducible: the same inputs give the same bytes. Their time is therefore
 * SOURCE_DATE_EPOCH [s] if that is set (reproducible-builds.org), else 1970.
 *
 * @throws SlmError CONFIG_INVALID if SOURCE_DATE_EPOCH is not a whole number of seconds.
 */
function creationTime(kind: ArtifactKind): Date {
  if (kind !== "bundle") return new Date();
  const text = process.env.SOURCE_DATE_EPOCH ?? "0";
  if (/^\d{1,11}$/.test(text)) return new Date(Number(text) * 1000);
  throw new SlmError("CONFIG_INVALID", `SOURCE_DATE_EPOCH: expected whole seconds since 1970, got '${text}'`);
}

/** A copy that JSON can hold, without `undefined` fields. @throws TypeError for NaN and other values JSON would change */
function plainJson(value: unknown): unknown {
  return JSON.parse(canonicalJson(value));
}

async function describeOutputs(
  work: string,
  { indexed = [], records = [] }: Pick<ArtifactSpec, "indexed" | "records">,
): Promise<readonly ManifestFile[]> {
  const problems: DirectoryProblem[] = [];
  const paths = (await listFiles(work, "", problems)).filter((path) => path !== WORK_FILE);
  const [problem] = problems;
  if (problem !== undefined)
    throw new Error(`${work}/${problem.path} ${problem.message}: an artifact holds files only`);
  const outputs: ManifestFile[] = [];
  const isInside = (folder: string) => (path: string) => path.startsWith(`${folder}/`);
  for (const folder of indexed) {
    const inside = paths.filter(isInside(folder));
    if (inside.length > 0) outputs.push({ ...(await writeIndex(work, folder, inside)), isIndex: true });
  }
  for (const path of paths) {
    if (indexed.some((folder) => isInside(folder)(path))) continue;
    outputs.push(await describeFile(work, path));
  }
  const isRecord = (path: string): boolean => records.some((record) => `/${path}/`.includes(`/${record}/`));
  return outputs
    .map((file) => (isRecord(file.path) ? { ...file, isRecord: true as const } : file))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Flushes a file and describes its size and hash. */
async function describeFile(work: string, path: string): Promise<ManifestFile> {
  const full = join(work, path);
  await syncFile(full);
  return { path, bytes: (await stat(full)).size, sha256: await hashFile(full) };
}

/** Files of a folder that are flushed concurrently: a disk flushes many in about the time of one. */
const FLUSHED_TOGETHER = 32;

/** Writes the list of a folder, replacing one from an interrupted call. */
async function writeIndex(work: string, folder: string, paths: readonly string[]): Promise<ManifestFile> {
  const index = `${folder}/${INDEX_FILE}`;
  const listed = paths.filter((path) => path !== index);
  const files: IndexedFile[] = [];
  for (let start = 0; start < listed.length; start += FLUSHED_TOGETHER) {
    const batch = listed.slice(start, start + FLUSHED_TOGETHER);
    const described = await Promise.all(batch.map((path) => describeFile(work, path)));
    for (const { path, sha256 } of described) files.push({ path: path.slice(folder.length + 1), sha256 });
  }
  await writeTextAtomic(join(work, index), formatIndex(files));
  return describeFile(work, index);
}

/** Replaces `directory`, an absolute path whose lock is held, with its complete work directory. */
export async function putInPlace(directory: string): Promise<void> {
  const replaces = await exists(directory);
  if (replaces) await rename(directory, previousPath(directory));
  await rename(partialPath(directory), directory);
  await syncDirectory(dirname(directory));
  if (replaces) await rm(previousPath(directory), { recursive: true, force: true });
}

/** Where unfinished work on `directory` is kept. */
export function partialPath(directory: string): string {
  return `${resolve(directory)}.partial`;
}

function previousPath(directory: string): string {
  return `${directory}.previous`;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (systemCode(error) === "ENOENT") return false;
      throw error;
    },
  );
}

async function hasManifest(directory: string): Promise<boolean> {
  return (await ifReadable(readManifest(directory))) !== undefined;
}

/** Undefined for a missing or malformed file; system errors are rethrown. */
async function ifReadable<Value>(reading: Promise<Value>): Promise<Value | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof SlmError) return undefined;
    throw error;
  }
}

function pathOf(error: unknown): string | undefined {
  return error instanceof Error && "path" in error && typeof error.path === "string" ? error.path : undefined;
}
