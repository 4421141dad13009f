/** Packs a bundle into one file, `NAME.slm`: a tar archive with the same bytes on every machine and at any time. */
import { createWriteStream } from "node:fs";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import {
  ifThere,
  MANIFEST_FILE,
  SIGNATURE_FILE,
  readManifest,
  replaceAtomic,
  verifyDirectory,
  shellWord,
  SlmError,
} from "@slm/core";
import { tarOf } from "./tar.js";

/** A file of a bundle. */
export interface BundleEntry {
  readonly path: string;
  /** Its size [bytes]. */
  readonly bytes: number;
}

/**
 * Packs a verified bundle: the manifest, its signature if there is one, then the files in the order of the manifest. Writes the
 * file atomically.
 *
 * @throws SlmError DATA_INVALID if the directory does not match its manifest; OUTPUT_FAILED.
 */
export async function packBundle(directory: string, file: string): Promise<void> {
  const entries = await bundleEntries(directory);
  const archive = tarOf(entries.map(({ path }) => ({ path, contents: join(directory, path) })));
  await replaceAtomic(file, (temporary) => pipeline(archive, createWriteStream(temporary, { flags: "wx" })));
}

/** Every file of a bundle, in the order of the archive. @throws SlmError DATA_INVALID if it does not match its manifest. */
export async function bundleEntries(directory: string): Promise<readonly BundleEntry[]> {
  const { problems } = await verifyDirectory(directory);
  const [problem] = problems;
  if (problem !== undefined) {
    throw new SlmError("DATA_INVALID", `${directory}: ${problem.path} ${problem.message}`, {
      context: { problems },
      suggestions: [`slm verify ${shellWord(directory)}`],
    });
  }
  const { outputs } = await readManifest(directory);
  const heads = await Promise.all(
    [MANIFEST_FILE, SIGNATURE_FILE].map((path) => entryIfThere(directory, path)),
  );
  return [...heads.flat(), ...outputs.map(({ path, bytes }) => ({ path, bytes }))];
}

async function entryIfThere(directory: string, path: string): Promise<readonly BundleEntry[]> {
  const found = await ifThere(lstat(join(directory, path)));
  return found === undefined ? [] : [{ path, bytes: found.size }];
}
