/** Checks a bundle from another source and writes it to disk atomically. */
import { open, readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import {
  ifThere,
  removePath,
  makeFolder,
  MANIFEST_FILE,
  isWriteRejection,
  parseManifestText,
  partialPath,
  putInPlace,
  readManifest,
  recoverLocked,
  verifyDirectory,
  withLock,
  writeFailure,
  type ErrorCode,
  type Manifest,
  SlmError,
} from "@slm/core";
import type { BundleLimits } from "./limits.js";

/** How `placeBundle` treats the files of an earlier call. */
export interface PlaceOptions {
  /**
   * Whether `fill` continues with the files of an earlier call that was killed, interrupted or lost its connection.
   * Default: false, it starts with nothing.
   */
  readonly resumes?: boolean | undefined;
}

/** Errors after which the files that have arrived are kept. */
const KEPT_AFTER: ReadonlySet<ErrorCode> = new Set(["DEVICE_UNAVAILABLE", "INTERRUPTED"]);

/**
 * Fills a work directory next to `directory`, checks every file against the manifest, and moves the directory into place.
 *
 * @param fill writes manifest.json and the files it lists
 * @throws SlmError OUTPUT_FAILED if `directory` contains files that are not a bundle; DATA_INVALID if the files do not match the
 * manifest; the errors of `fill`. Then `directory` is unchanged, and nothing is left next to it except files to continue with.
 */
export async function placeBundle(
  directory: string,
  fill: (work: string) => Promise<void>,
  { resumes = false }: PlaceOptions = {},
): Promise<Manifest> {
  const target = resolve(directory);
  return withLock(target, async () => {
    const work = partialPath(target);
    let isKept = false;
    try {
      await recoverLocked(target);
      await rejectExternal(target);
      if (!resumes) await removePath(work);
      await makeFolder(work);
      await fill(work);
      const manifest = await checkWhole(work);
      await putInPlace(target);
      return manifest;
    } catch (error) {
      const code = toPlaceCode(error);
      isKept = resumes && code !== undefined && KEPT_AFTER.has(code);
      throw isWriteRejection(error, [target, work, dirname(target)])
        ? writeFailure(error, target, "its previous contents, if any, are unchanged")
        : error;
    } finally {
      if (!isKept) await removePath(work);
    }
  });
}

/** The code of an error. The reason of an aborted signal counts as an interruption. */
function toPlaceCode(error: unknown): ErrorCode | undefined {
  if (error instanceof SlmError) return error.code;
  return error instanceof Error && error.name === "AbortError" ? "INTERRUPTED" : undefined;
}

/**
 * Reads the manifest of a bundle whose files have not arrived yet.
 *
 * @throws SlmError DATA_INVALID if it is not the manifest of a bundle, or lists more files or bytes than allowed.
 */
export function parseManifest(bytes: Uint8Array, where: string, limits: BundleLimits): Manifest {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new SlmError("DATA_INVALID", `${where}: ${MANIFEST_FILE} is not UTF-8`, { cause });
  }
  const manifest = parseManifestText(text, `${where}: ${MANIFEST_FILE}`);
  const { kind, outputs } = manifest;
  if (kind !== "bundle") {
    throw new SlmError("DATA_INVALID", `${where}: expected a bundle, got an artifact of kind '${kind}'`, {
      suggestions: ["slm deploy MODEL"],
    });
  }
  const bytesInAll = outputs.reduce((sum, file) => sum + file.bytes, 0);
  if (outputs.length > limits.files || bytesInAll > limits.totalBytes) {
    throw new SlmError(
      "DATA_INVALID",
      `${where}: lists ${outputs.length} files of ${bytesInAll} bytes; at most ${limits.files} files of ${limits.totalBytes} bytes are allowed`,
    );
  }
  return manifest;
}

async function checkWhole(work: string): Promise<Manifest> {
  const { problems } = await verifyDirectory(work);
  const [problem] = problems;
  if (problem !== undefined) {
    throw new SlmError("DATA_INVALID", `bundle: ${problem.path} ${problem.message}`, {
      context: { problems },
      suggestions: ["fetch or copy the bundle again"],
    });
  }
  return readManifest(work);
}

/** Replacing a directory deletes it, so only a bundle and an empty directory may be replaced. */
async function rejectExternal(directory: string): Promise<void> {
  const entries = (await ifThere(readdir(directory))) ?? [];
  if (entries.length === 0) return;
  const manifest = await readManifest(directory).catch((error: unknown) => {
    if (error instanceof SlmError) return undefined;
    throw error;
  });
  if (manifest?.kind === "bundle") return;
  throw new SlmError(
    "OUTPUT_FAILED",
    `${directory} contains files that are not a bundle, so it is not replaced`,
    {
      context: { directory },
      suggestions: ["choose a new or empty directory"],
    },
  );
}

/** Writes a new file from pieces, at most `bytes` of them. @throws SlmError DATA_INVALID if there are more or fewer. */
export async function writePieces(
  work: string,
  { path, bytes }: { readonly path: string; readonly bytes: number },
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const full = join(work, path);
  await makeFolder(dirname(full));
  // "wx": an existing file means two entries with the same name, for example on a file system that ignores case.
  const handle = await open(full, "wx");
  let written = 0;
  try {
    for await (const piece of pieces) {
      written += piece.byteLength;
      if (written > bytes) break;
      await handle.writeFile(piece);
    }
  } finally {
    await handle.close();
  }
  if (written !== bytes) {
    const got = written > bytes ? "more" : String(written);
    throw new SlmError("DATA_INVALID", `bundle: ${path}: expected ${bytes} bytes, got ${got}`);
  }
}
