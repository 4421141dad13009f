/** Writes an external bundle to disk atomically, after checking it. */
import { open, readdir, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import {
  makeFolder,
  MANIFEST_FILE,
  isWriteRejection,
  parseManifestText,
  partialPath,
  putInPlace,
  readManifest,
  recoverLocked,
  systemCode,
  verifyDirectory,
  withLock,
  writeFailure,
  type ErrorCode,
  type Manifest,
  SlmError,
} from "@slm/core";
import type { BundleLimits } from "./limits.js";

/** How a bundle is filled. */
export interface PlaceOptions {
  /**
   * Whether `fill` goes on with the files that an earlier call left when it was killed, or ended with an error of the network or a signal.
   * Default: it starts with nothing.
   */
  readonly resumes?: boolean | undefined;
}

/** Errors after which what has arrived is worth keeping. */
const KEPT_AFTER: ReadonlySet<ErrorCode> = new Set(["DEVICE_UNAVAILABLE", "INTERRUPTED"]);

/**
 * Fills a work directory beside `directory`, checks every file in it against its manifest, and moves it into place.
 *
 * @param fill writes manifest.json and the files it lists
 * @throws SlmError OUTPUT_FAILED if `directory` holds files that are not a bundle; DATA_INVALID if what was written is
 * not what the manifest says; what `fill` throws. Then `directory` is what it was, and nothing is left beside it except files to go on with.
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
      if (!resumes) await rm(work, { recursive: true, force: true });
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
      if (!isKept) await rm(work, { recursive: true, force: true });
    }
  });
}

/** The code of an error; a signal's own reason is an interruption. */
function toPlaceCode(error: unknown): ErrorCode | undefined {
  if (error instanceof SlmError) return error.code;
  return error instanceof Error && error.name === "AbortError" ? "INTERRUPTED" : undefined;
}

/**
 * The manifest of a bundle that is still only announced.
 *
 * @throws SlmError DATA_INVALID if it is no manifest of a bundle, or announces more than is taken.
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
      `${where}: announces ${outputs.length} files of ${bytesInAll} bytes; at most ${limits.files} files of ${limits.totalBytes} bytes are taken`,
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
  const entries = await readdir(directory).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  });
  if (entries.length === 0) return;
  const manifest = await readManifest(directory).catch((error: unknown) => {
    if (error instanceof SlmError) return undefined;
    throw error;
  });
  if (manifest?.kind === "bundle") return;
  throw new SlmError(
    "OUTPUT_FAILED",
    `${directory} holds files that are not a bundle, so it is not replaced`,
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
  // "wx": a file that is there already means two entries of one name, as on a disk that ignores case.
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
