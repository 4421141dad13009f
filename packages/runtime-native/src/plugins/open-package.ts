/** Opens a package of any kind: an archive or a folder. */
import { stat } from "node:fs/promises";
import { readFailure } from "@slm/core";
import { openFolder } from "./folder-source.js";
import { PACKAGE_LIMITS, type PackageLimits, type PackageSource } from "./package-source.js";
import { openZip } from "./zip-source.js";

/** @throws SlmError INPUT_MISSING, DATA_INVALID for an unreadable or unsafe package */
export async function openPackage(
  path: string,
  limits: PackageLimits = PACKAGE_LIMITS,
): Promise<PackageSource> {
  const found = await stat(path).catch((error: unknown) => {
    throw readFailure(error, path);
  });
  return found.isDirectory() ? openFolder(path, limits) : openZip(path, limits);
}
