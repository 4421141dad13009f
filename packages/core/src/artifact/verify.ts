/** Compares a directory with its manifest. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { SlmError } from "../errors/slm-error.js";
import { systemCode } from "../errors/file-error.js";
import { readIndex, type IndexedFile } from "./folder-index.js";
import { hashFile } from "../hashes/hash.js";
import { knownHash } from "../hashes/known-hash.js";
import { MANIFEST_FILE, SIGNATURE_FILE, readManifest, type Manifest, type ManifestFile } from "./manifest.js";

/** One difference between a directory and its manifest. */
export interface DirectoryProblem {
  readonly path: string;
  readonly problem: "missing" | "extra" | "changed" | "symlink" | "not-a-file";
  readonly message: string;
}

export interface Verification {
  readonly files: readonly ManifestFile[];
  readonly problems: readonly DirectoryProblem[];
}

export interface VerifyOptions {
  /** `read` reads every byte; `known` only files that changed since they were last read ({@link knownHash}). Default `read`. */
  readonly hashes?: "read" | "known";
}

/**
 * Compares every file of an artifact directory with its manifest, and reports extra files. Symbolic links are rejected, because a bundle
 * could use them to name files outside itself.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID if the manifest cannot be read or lists a path outside the directory.
 */
export async function verifyDirectory(directory: string, options: VerifyOptions = {}): Promise<Verification> {
  const manifest = await readManifest(directory);
  const problems: DirectoryProblem[] = [];
  const found = await listFiles(directory, "", problems);
  const indexed = await indexedFiles(directory, manifest, problems);
  const expected: readonly ExpectedFile[] = [...manifest.outputs, ...indexed];
  const listed = new Set(expected.map(({ path }) => path));
  for (const path of found) {
    if (!listed.has(path)) problems.push({ path, problem: "extra", message: "is not in the manifest" });
  }
  const rejected = new Set(problems.map(({ path }) => path));
  for (const file of expected) {
    if (rejected.has(file.path)) continue;
    const problem = await compareFile(directory, file, options.hashes ?? "read");
    if (problem !== undefined) problems.push(problem);
  }
  return { files: manifest.outputs, problems };
}

/** A file as listed in the manifest or in the list of a folder, which has no sizes. */
export type ExpectedFile = IndexedFile & Partial<Pick<ManifestFile, "bytes">>;

/** The files in the lists of folders. An unreadable list is reported, and its files are reported as extra. */
export async function indexedFiles(
  directory: string,
  { outputs }: Manifest,
  problems: DirectoryProblem[],
): Promise<readonly IndexedFile[]> {
  const files: IndexedFile[] = [];
  for (const { path } of outputs.filter(({ isIndex }) => isIndex === true)) {
    try {
      for (const file of await readIndex(directory, path)) files.push(file);
    } catch (error) {
      if (!(error instanceof SlmError)) throw error;
      // A missing list is reported when the outputs are compared.
      if (error.code === "DATA_INVALID") problems.push({ path, problem: "changed", message: error.message });
    }
  }
  return files;
}

/** Paths of all regular files below a directory, sorted, with forward slashes; without the manifest at the root and its signature. */
export async function listFiles(
  directory: string,
  below: string,
  problems: DirectoryProblem[],
): Promise<readonly string[]> {
  const entries = await readdir(join(directory, below), { withFileTypes: true });
  const files: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if ((path === MANIFEST_FILE || path === SIGNATURE_FILE) && entry.isFile()) continue;
    if (entry.isSymbolicLink()) problems.push({ path, problem: "symlink", message: "is a symbolic link" });
    else if (entry.isDirectory()) files.push(...(await listFiles(directory, path, problems)));
    else if (entry.isFile()) files.push(path);
    else problems.push({ path, problem: "not-a-file", message: "is neither a file nor a directory" });
  }
  return files;
}

/** The problem of a file; undefined if the file is as expected. */
export async function compareFile(
  directory: string,
  expected: ExpectedFile,
  hashes: "read" | "known",
): Promise<DirectoryProblem | undefined> {
  const { path, bytes, sha256 } = expected;
  const full = join(directory, path);
  const status = await lstat(full).catch((error: unknown) => {
    const code = systemCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  });
  if (status?.isFile() !== true) return { path, problem: "missing", message: "is missing" };
  if (bytes !== undefined && status.size !== bytes) {
    return {
      path,
      problem: "changed",
      message: `has ${status.size} bytes, expected ${bytes} as in the manifest`,
    };
  }
  if (hashes === "known" && (await knownHash(full)) === sha256) return undefined;
  const actual = await hashFile(full);
  if (actual === sha256) return undefined;
  return { path, problem: "changed", message: `has sha256 ${actual}, expected ${sha256} as in the manifest` };
}
