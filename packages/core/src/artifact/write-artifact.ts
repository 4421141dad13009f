/**
 * Writes an artifact directory atomically: it appears complete or not at all.
 *
 *   X.partial/   unfinished work; survives a kill, so a long stage resumes inside it    (.work.json contains its key)
 *   X.previous/  the artifact being replaced, between two renames
 *   X/           complete, with manifest.json; never partly written
 */
import { ifThere, isThere } from "../files/presence.js";
import { readdir, rmdir, stat } from "node:fs/promises";
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
import { removePath } from "../files/move-and-remove.js";
import { pathsProblem } from "../files/relative-path.js";
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
import {
  exists,
  ifReadable,
  partialPath,
  previousPath,
  putInPlace,
  recoverLocked,
} from "./replace-artifact.js";
import { readJsonFile } from "../files/read-json.js";
import { listFiles, type DirectoryProblem } from "./verify.js";
import { SLM_VERSION } from "../version.js";

export interface ArtifactSpec {
  /** Path of the finished directory. */
  readonly directory: string;
  readonly kind: ArtifactKind;
  /** Hash of inputs, settings, seed and code. Unfinished work with another key is deleted. */
  readonly key: string;
  readonly inputs: readonly ManifestInput[];
  /** The resolved settings: plain JSON data. */
  readonly settings: unknown;
  readonly origins: Readonly<Record<string, Origin>>;
  readonly seed: number;
  /**
   * Folders with many files. Each gets a list of its files ({@link INDEX_FILE}), and the manifest names only the list. Folders that `fill`
   * does not create are ignored.
   */
  readonly indexed?: readonly string[] | undefined;
  /** Names of files and folders, at any depth, that record times and speeds of the run. They are verified but do not count as content. */
  readonly records?: readonly string[] | undefined;
  /**
   * Whether to keep failed work, so that the next call with the same key resumes it. If false, a failed call deletes its work, and the next
   * call deletes the work of a killed process. Default: true.
   */
  readonly isResumable?: boolean | undefined;
}

export interface WrittenArtifact<Details extends object> {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly details: Details;
}

/** Record of unfinished work. It does not become part of the artifact. */
export const WORK_FILE = ".work.json";
const workSchema = z.strictObject({ key: z.string() });

/**
 * Fills a work directory, writes its manifest, and replaces `directory` with it.
 *
 * If `fill` throws or the process is killed, `directory` does not change and the work directory stays. The next call with the same key
 * passes the same work directory to `fill`, which resumes from the files in it. Work that cannot be resumed is deleted if `fill` throws,
 * with the parent folders that were created for it.
 *
 * @param fill writes files into the work directory and returns the stage's report
 * @throws SlmError OUTPUT_FAILED if a write fails or `directory` contains files that are not an artifact;
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
      if (!isResumable) await removePath(work);
      await openWorkDirectory(work, spec.key);
      const details = await fill(work);
      lost.throwIfAborted();
      const manifest = await finishWork(work, spec, details);
      await putInPlace(directory);
      return { directory, manifest, details };
    } catch (error) {
      // Another process may be writing there now.
      if (isOpen && !isResumable && !lost.aborted) await removePath(work);
      throw isWriteRejection(error, [directory, work, previousPath(directory)])
        ? writeFailure(error, pathOf(error) ?? work, `${directory} is unchanged${unfinished}`)
        : error;
    }
  });
}

/** The missing folders among `directory` and its parents, the deepest first. */
async function missingAbove(directory: string): Promise<readonly string[]> {
  const missing: string[] = [];
  for (let at = directory; !(await isThere(at)); at = dirname(at)) {
    if (at === dirname(at)) break;
    missing.push(at);
  }
  return missing;
}

/** Removes created folders that are still empty, the deepest first. Stops at the first folder with content. */
async function removeEmpty(made: readonly string[]): Promise<void> {
  for (const directory of made) {
    const isGone = await rmdir(directory).then(
      () => true,
      (error: unknown) => systemCode(error) === "ENOENT",
    );
    if (!isGone) return;
  }
}

/** Replacing a directory deletes it, so only artifacts and empty directories may be replaced. */
async function rejectExternalDirectory(directory: string): Promise<void> {
  const entries = (await ifThere(readdir(directory))) ?? [];
  // A corrupt manifest is still slm's.
  if (entries.length === 0 || (await ownManifestText(directory)) !== undefined) return;
  throw new SlmError(
    "OUTPUT_FAILED",
    `${directory} contains files but no readable manifest.json; it may not be an slm artifact, so it is not replaced`,
    {
      context: { directory },
      suggestions: ["choose a new or empty directory", `delete it yourself: rm -r ${directory}`],
    },
  );
}

async function openWorkDirectory(work: string, key: string): Promise<void> {
  if ((await exists(work)) && (await recordedKey(work)) !== key) await removePath(work);
  await makeFolder(work);
  await writeJsonAtomic(join(work, WORK_FILE), { key });
  await removePath(join(work, MANIFEST_FILE));
  const leftovers = (await listFiles(work, "", [])).filter(isTemporaryPath);
  for (const path of leftovers) await removePath(join(work, path));
}

/**
 * The key of unfinished work; undefined if it is unknown, so that the work is not used. Work that was killed just before the final rename
 * has its key only in its manifest.
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
  await removePath(join(work, WORK_FILE));
  await syncDirectory(work);
  return manifest;
}

/**
 * The creation time in the manifest. Bundles are reproducible: the same inputs produce the same bytes. Their time is therefore
 * SOURCE_DATE_EPOCH [s] if it is set (reproducible-builds.org), and otherwise 1970.
 *
 * @throws SlmError CONFIG_INVALID if SOURCE_DATE_EPOCH is not a whole number of seconds.
 */
function creationTime(kind: ArtifactKind): Date {
  if (kind !== "bundle") return new Date();
  const text = process.env.SOURCE_DATE_EPOCH ?? "0";
  if (/^\d{1,11}$/.test(text)) return new Date(Number(text) * 1000);
  throw new SlmError("CONFIG_INVALID", `SOURCE_DATE_EPOCH: expected whole seconds since 1970, got '${text}'`);
}

/** A copy without `undefined` fields. @throws TypeError for NaN and other values that JSON would change */
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
    throw new Error(`${work}/${problem.path} ${problem.message}; an artifact may contain only files`);
  requirePortable(work, paths);
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

/** @throws SlmError OUTPUT_FAILED for a name that another system, such as Windows, cannot have */
function requirePortable(work: string, paths: readonly string[]): void {
  const found = pathsProblem(paths);
  if (found !== undefined)
    throw new SlmError(
      "OUTPUT_FAILED",
      `${work}: ${found.problem}; an artifact must be usable on every system`,
      {
        context: { directory: work, path: paths[found.index] },
        suggestions: ["rename the file, then run the same command again"],
      },
    );
}

/** Flushes a file and describes its size and hash. */
async function describeFile(work: string, path: string): Promise<ManifestFile> {
  const full = join(work, path);
  await syncFile(full);
  return { path, bytes: (await stat(full)).size, sha256: await hashFile(full) };
}

/** Number of files to flush concurrently. A disk flushes many in about the time of one. */
const FLUSHED_TOGETHER = 32;

/** Writes the list of a folder, and replaces the list of an interrupted call. */
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

function pathOf(error: unknown): string | undefined {
  return error instanceof Error && "path" in error && typeof error.path === "string" ? error.path : undefined;
}
