/** Packs a bundle into one file, `NAME.slm`: a tar archive with the same bytes on every machine and at any time. */
import { createReadStream } from "node:fs";
import { randomUUID } from "node:crypto";
import { lstat, open, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import {
  ifThere,
  movePath,
  makeFolder,
  MANIFEST_FILE,
  SIGNATURE_FILE,
  readManifest,
  verifyDirectory,
  writeFailure,
  shellWord,
  SlmError,
} from "@slm/core";
import { TAR_BLOCK, encodeTarHeader, paddingAfter, type TarEntry } from "./tar-header.js";

/**
 * Packs a verified bundle: the manifest, its signature if there is one, then the files in the order of the manifest. Writes the
 * file atomically.
 *
 * @throws SlmError DATA_INVALID if the directory does not match its manifest; OUTPUT_FAILED.
 */
export async function packBundle(directory: string, file: string): Promise<{ readonly bytes: number }> {
  const entries = await bundleEntries(directory);
  const aside = `${file}.${randomUUID()}.tmp`;
  let bytes = 0;
  try {
    await makeFolder(dirname(resolve(file)));
    const handle = await open(aside, "wx");
    const write = async (data: Uint8Array): Promise<void> => {
      await handle.writeFile(data);
      bytes += data.byteLength;
    };
    try {
      for (const entry of entries) {
        await write(encodeTarHeader(entry));
        for await (const piece of createReadStream(join(directory, entry.path)))
          await write(piece as Uint8Array);
        await write(Buffer.alloc(paddingAfter(entry.bytes)));
      }
      await write(Buffer.alloc(2 * TAR_BLOCK));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await movePath(aside, file);
  } catch (error) {
    // If its folder cannot be created, it cannot be removed either.
    await rm(aside, { force: true }).catch(() => undefined);
    throw writeFailure(error, file, "its previous contents, if any, are unchanged");
  }
  return { bytes };
}

/** Every file of a bundle, in the order of the archive. @throws SlmError DATA_INVALID if it does not match its manifest. */
export async function bundleEntries(directory: string): Promise<readonly TarEntry[]> {
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

async function entryIfThere(directory: string, path: string): Promise<readonly TarEntry[]> {
  const found = await ifThere(lstat(join(directory, path)));
  return found === undefined ? [] : [{ path, bytes: found.size }];
}
