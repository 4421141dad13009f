/** Reads an unpacked package: a folder that was filled by `pip install --target` or a vendor's installer. Rejects links that lead out of the folder. */
import { createReadStream } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { systemCode } from "@slm/core";
import {
  checkEntries,
  unsafe,
  type PackageEntry,
  type PackageLimits,
  type PackageSource,
} from "./package-source.js";

/** @throws SlmError DATA_INVALID for a link out of the folder, or above a limit */
export async function openFolder(folder: string, limits: PackageLimits): Promise<PackageSource> {
  const root = await realpath(folder);
  const entries: PackageEntry[] = [];
  await collect(root, "", entries, limits);
  checkEntries(folder, entries, limits);
  return {
    kind: "folder",
    entries,
    read: (path) => createReadStream(join(root, path), { highWaterMark: 1 << 20 }),
    close: () => undefined,
  };
}

async function collect(
  root: string,
  below: string,
  entries: PackageEntry[],
  limits: PackageLimits,
): Promise<void> {
  for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) await collect(root, path, entries, limits);
    else if (entry.isFile() || entry.isSymbolicLink()) await addFile(root, path, entries);
    else throw unsafe(root, `'${path}' is not a regular file`);
    if (entries.length > limits.entries)
      throw unsafe(root, `it has more than ${limits.entries} files, the maximum`);
  }
}

/** A link to a file in the same folder is read as that file, because libraries have several names. */
async function addFile(root: string, path: string, entries: PackageEntry[]): Promise<void> {
  const target = await realpath(join(root, path)).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") throw unsafe(root, `'${path}' is a broken link`);
    throw error;
  });
  const inside = relative(root, target);
  if (inside === ".." || inside.startsWith(`..${sep}`))
    throw unsafe(root, `'${path}' is a link out of the folder`);
  const found = await stat(target);
  if (!found.isFile()) throw unsafe(root, `'${path}' is a link to something that is not a file`);
  entries.push({ path, bytes: found.size });
}
