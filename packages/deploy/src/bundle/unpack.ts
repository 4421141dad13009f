/**
 * Unpacks a bundle from an untrusted source. The manifest comes first. After it, only files that it lists, with the sizes it lists,
 * are written, and only into a work directory that becomes the bundle once every hash is right.
 */
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import {
  MANIFEST_FILE,
  openRegular,
  pathProblem,
  SIGNATURE_FILE,
  readFailure,
  type Manifest,
  SlmError,
} from "@slm/core";
import { extract, type Header } from "tar-stream";
import { BUNDLE_LIMITS, type BundleLimits } from "./limits.js";
import type { BundleEntry } from "./pack.js";
import { parseManifest, placeBundle, writePieces } from "./place-directory.js";

/** Size of one read [bytes]. */
const PIECE_BYTES = 1 << 20;

/**
 * Unpacks `file` into `directory`.
 *
 * @throws SlmError INPUT_MISSING; DATA_INVALID for an archive that is corrupt, contains other files than its manifest
 * lists, or exceeds the limits; OUTPUT_FAILED. Then nothing is written.
 */
export async function unpackBundle(
  file: string,
  directory: string,
  limits: BundleLimits = BUNDLE_LIMITS,
): Promise<Manifest> {
  const handle = await openRegular(file).catch((error: unknown) => {
    throw readFailure(error, file, ["slm deploy MODEL -o NAME.slm"]);
  });
  const bytes = handle.createReadStream({ highWaterMark: PIECE_BYTES, autoClose: false });
  try {
    return await placeBundle(directory, (work) =>
      unpackInto(work, { file, bytes }, limits).catch((error: unknown) => {
        throw withArchive(error, file);
      }),
    );
  } finally {
    await handle.close();
  }
}

/** Names the archive in the errors of this module and of tar-stream, which say what is wrong with it. */
function withArchive(error: unknown, file: string): unknown {
  if (error instanceof SlmError || !(error instanceof Error) || "syscall" in error) return error;
  return new SlmError("DATA_INVALID", `${file}: ${error.message}`, {
    context: { archive: file },
    suggestions: ["fetch or copy the bundle again"],
    cause: error,
  });
}

/** An entry while it is read. */
type TarEntry = AsyncIterable<Uint8Array> & { readonly header: Header };

interface Archive {
  readonly file: string;
  readonly bytes: Readable;
}

async function unpackInto(work: string, { file, bytes }: Archive, limits: BundleLimits): Promise<void> {
  const archive = extract();
  // If the archive is corrupt, the loop may only learn that an entry ended too early.
  let failure: Error | undefined;
  archive.on("error", (error) => {
    failure = error;
  });
  pipeline(bytes, archive).catch(() => undefined);
  try {
    await unpackEntries(work, archive as AsyncIterable<unknown> as AsyncIterable<TarEntry>, { file, limits });
  } catch (error) {
    throw failure ?? error;
  }
}

async function unpackEntries(
  work: string,
  archive: AsyncIterable<TarEntry>,
  { file, limits }: { readonly file: string; readonly limits: BundleLimits },
): Promise<void> {
  let expected: Map<string, number> | undefined;
  let isSigned = false;
  for await (const contents of archive) {
    const entry = regularFile(contents.header);
    const { path } = entry;
    if (expected === undefined) {
      if (path !== MANIFEST_FILE) throw new Error(`expected ${MANIFEST_FILE} first, got ${path}`);
      requireAtMost(entry, limits.manifestBytes);
      const manifest = await buffer(contents);
      const { outputs } = parseManifest(manifest, file, limits);
      expected = new Map(outputs.map((output) => [output.path, output.bytes]));
      await writePieces(work, entry, [manifest]);
      continue;
    }
    if (path === SIGNATURE_FILE) {
      if (isSigned) throw new Error(`'${path}' occurs twice`);
      isSigned = true;
      requireAtMost(entry, limits.signatureBytes);
    } else {
      const size = expected.get(path);
      if (size === undefined) throw new Error(`'${path}' is not in the manifest, or occurs twice`);
      if (size !== entry.bytes)
        throw new Error(`'${path}' has ${entry.bytes} bytes, the manifest says ${size}`);
      expected.delete(path);
    }
    await writePieces(work, entry, contents);
  }
  if (expected === undefined) throw new Error(`expected ${MANIFEST_FILE} first, got nothing`);
  const [missing] = expected.keys();
  if (missing !== undefined) throw new Error(`'${missing}' is in the manifest but not in the archive`);
}

/** @throws Error for anything but a regular file with a path inside the bundle */
function regularFile({ name, size, type }: Header): BundleEntry {
  if (type !== "file")
    throw new Error(`'${name}' is an entry of type '${type}'; a bundle contains regular files only`);
  const problem = pathProblem(name);
  if (problem !== undefined) throw new Error(`rejected path '${name}': ${problem}`);
  return { path: name, bytes: size };
}

function requireAtMost({ path, bytes }: BundleEntry, limit: number): void {
  if (bytes > limit) throw new Error(`'${path}' has ${bytes} bytes; at most ${limit} are allowed`);
}
