/**
 * Unpacks a package into the user's cache.
 *
 *   NAME.lock                        locked while a plug-in of that name is added or removed
 *   NAME/.partial-XXXX/              unfinished; the next call removes the leftovers of a killed process
 *   NAME/VERSION/PLATFORM/           complete: plugin.json and files/
 */
import { createHash, randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { copyFile, link, mkdir, readdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import {
  ifThere,
  movePath,
  removePath,
  SlmError,
  isWriteRejection,
  resolveInside,
  syncDirectory,
  systemCode,
  throwIfInterrupted,
  withLock,
  writeFailure,
  writeJsonAtomic,
} from "@slm/core";
import { examine, folderOf } from "./installed.js";
import type { PackageLicence } from "./licences.js";
import type { PackageFacts } from "./package-facts.js";
import type { PackagePlan } from "./package-plan.js";
import { unsafe, type PackageEntry, type PackageSource } from "./package-source.js";
import {
  FILES_FOLDER,
  PLUGIN_FILE,
  type PackageOrigin,
  type PluginFile,
  type PluginManifest,
} from "./plugin.js";

export interface InstallOptions {
  /** The folder of all plug-ins. */
  readonly root: string;
  /** The package, for messages. */
  readonly path: string;
  readonly source: PackageSource;
  readonly facts: PackageFacts;
  readonly plan: PackagePlan;
  readonly from: PackageOrigin;
  readonly licence: PackageLicence;
  /** Whether the user knows the hash of the whole package. Its files may then differ from its RECORD. */
  readonly isPinned: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Installation {
  /** The folder of `plugin.json`. */
  readonly at: string;
  readonly manifest: PluginManifest;
  readonly wasInstalled: boolean;
}

/** @throws SlmError BUSY, DATA_INVALID, OUTPUT_FAILED, INTERRUPTED; plug-ins that were already installed are then unchanged */
export async function installPlugin(options: InstallOptions): Promise<Installation> {
  const { root, plan } = options;
  return withPluginLock(root, plan.name, async () => {
    const at = folderOf(root, plan);
    const acceptedAt = new Date().toISOString();
    const existing = await installedBefore(options, at);
    if (existing !== undefined) {
      const manifest = { ...existing, licence: { ...existing.licence, acceptedAt } };
      await writeJsonAtomic(join(at, PLUGIN_FILE), manifest);
      return { at, manifest, wasInstalled: true };
    }
    const work = join(root, plan.name, `${PARTIAL}${randomBytes(6).toString("hex")}`);
    try {
      const unpacked = await unpack(options, join(work, FILES_FOLDER));
      const manifest = manifestOf(options, unpacked, acceptedAt);
      await writeJsonAtomic(join(work, PLUGIN_FILE), manifest);
      await putInPlace(work, at);
      return { at, manifest, wasInstalled: false };
    } catch (error) {
      await removePath(work);
      await removeIfEmpty(dirname(work));
      throw isWriteRejection(error, [work, at]) ? writeFailure(error, work, "nothing was installed") : error;
    }
  });
}

/** Prefix of folders that are not a version of a plug-in, or no longer. */
export const PARTIAL = ".partial-";

/**
 * Runs `body` while no other process adds or removes a plug-in of this name. First removes the leftovers of killed processes.
 *
 * @throws SlmError BUSY
 */
export async function withPluginLock<Result>(
  root: string,
  name: string,
  body: () => Promise<Result>,
): Promise<Result> {
  const folder = join(root, name);
  try {
    return await withLock(folder, async () => {
      await removeLeftovers(folder);
      return body();
    });
  } catch (error) {
    if (!(error instanceof SlmError) || error.code !== "BUSY") throw error;
    throw new SlmError("BUSY", `another command is adding or removing plug-in ${name}`, {
      context: error.context,
      suggestions: ["wait for that command to end, then try again"],
      cause: error,
    });
  }
}

/** Removes a folder if it is empty. */
export async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: unknown) => {
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(systemCode(error) ?? "")) throw error;
  });
}

async function removeLeftovers(folder: string): Promise<void> {
  const names = (await ifThere(readdir(folder))) ?? [];
  for (const name of names.filter((one) => one.startsWith(PARTIAL))) await removePath(join(folder, name));
}

/** The manifest of the same package, if it is installed and intact. A corrupt one is removed. A different package is an error. */
async function installedBefore(
  { plan: { name, version, platform }, from }: InstallOptions,
  at: string,
): Promise<PluginManifest | undefined> {
  const { state, manifest } = await examine(at, true);
  if (state === "corrupt" || manifest === undefined) {
    await removePath(at);
    return undefined;
  }
  if (from.sha256 !== null && manifest.source.sha256 === from.sha256) return manifest;
  throw new SlmError(
    "USAGE",
    `device add: ${name} ${version} for ${platform} is already installed, from ${manifest.source.file}`,
    { context: { folder: at }, suggestions: [`slm device remove ${name} --version ${version}`] },
  );
}

interface Unpacked {
  readonly files: readonly PluginFile[];
  /** Files that differ from their hash in the package's RECORD. */
  readonly mismatches: readonly string[];
}

async function unpack(options: InstallOptions, folder: string): Promise<Unpacked> {
  const { plan, facts } = options;
  const files: PluginFile[] = [];
  for (const entry of plan.entries) files.push(await unpackFile(options, entry, folder));
  const mismatches = files.filter((file) => !isRecorded(file, facts)).map(({ path }) => path);
  if (mismatches.length > 0 && !options.isPinned) throw mismatch(options, mismatches);
  for (const [alias, target] of Object.entries(plan.aliases)) {
    await linkOrCopy(resolveInside(folder, target), resolveInside(folder, alias));
    const original = files.find((file) => file.path === target)!;
    files.push({ ...original, path: alias, aliasOf: target });
  }
  return { files, mismatches };
}

function isRecorded({ path, sha256, bytes }: PluginFile, { record }: PackageFacts): boolean {
  if (record === undefined) return true;
  const recorded = record.get(path);
  return recorded?.sha256 === sha256 && recorded.bytes === bytes;
}

/** Intel signed the libraries of a wheel after its RECORD was written. A hash of the whole wheel verifies them instead. */
function mismatch({ path, from }: InstallOptions, mismatches: readonly string[]): SlmError {
  const [first = "", ...others] = mismatches;
  const count = others.length === 0 ? "" : ` (and ${others.length} other files)`;
  return new SlmError("DATA_INVALID", `${path}: '${first}'${count} does not match the package's RECORD`, {
    context: { source: path, sha256: from.sha256, mismatches },
    suggestions: [
      "download the package again",
      `slm device add ${path} --sha256 HASH   # the hash that the publisher lists for the file`,
    ],
  });
}

async function unpackFile(
  { source, path, signal }: InstallOptions,
  entry: PackageEntry,
  folder: string,
): Promise<PluginFile> {
  const file = resolveInside(folder, entry.path);
  await mkdir(dirname(file), { recursive: true });
  const hash = createHash("sha256");
  let bytes = 0;
  const measure = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      // A file in a folder may grow while it is read; a file in an archive cannot.
      if (bytes > entry.bytes) throw unsafe(path, `'${entry.path}' is longer than ${entry.bytes} bytes`);
      hash.update(chunk);
      yield chunk;
    }
  };
  const write = createWriteStream(file, { flags: "wx", mode: 0o644, flush: true });
  try {
    await pipeline(source.read(entry.path), measure, write, { signal });
  } catch (error) {
    if (signal !== undefined) throwIfInterrupted(signal, "device add");
    throw error;
  }
  return { path: entry.path, bytes, sha256: hash.digest("hex") };
}

/** File systems without hard links get a copy. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    await copyFile(from, to);
  }
}

function manifestOf(
  { plan, from, licence }: InstallOptions,
  { files, mismatches }: Unpacked,
  acceptedAt: string,
): PluginManifest {
  const { name, version, platform, onnxRuntime, library, registrationName } = plan;
  return {
    schemaVersion: 1,
    name,
    version,
    platform,
    source: { ...from, mismatches: [...mismatches] },
    onnxRuntime,
    library,
    registrationName,
    options: plan.options,
    fileOptions: plan.fileOptions,
    preload: [...plan.preload],
    serves: [...plan.serves],
    licence: {
      declared: licence.declared,
      files: licence.texts.map((text) => text.path),
      terms: licence.terms,
      acceptedAt,
    },
    files: [...files],
  };
}

async function putInPlace(work: string, at: string): Promise<void> {
  await mkdir(dirname(at), { recursive: true });
  await movePath(work, at);
  await syncDirectory(dirname(at));
}
