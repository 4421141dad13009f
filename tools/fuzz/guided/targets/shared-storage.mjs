/** Files in the shared folder of workers: pieces, lists of pieces, and lists of the files in a directory. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256, SlmError } from "@slm/core";
import { DirectoryStore } from "../../../../packages/extension-workers/src/storage/directory-store.ts";
import { SharedFiles } from "../../../../packages/extension-workers/src/storage/shared-files.ts";

export const longest = 2 ** 12;
const RUN = "cache-0123456789abcdef";
/** Larger than a piece, so that the storage needs a list of pieces. */
const LARGE = { bytes: 40 * 1024 * 1024, sha256: "0".repeat(64) };

export const seeds = () => [
  JSON.stringify([{ path: "a/b", bytes: 1, sha256: sha256("b") }]),
  JSON.stringify([{ path: "../outside", bytes: 0, sha256: sha256("") }]),
  JSON.stringify([sha256("b"), sha256("")]),
];

export async function open(/** @type {string} */ folder) {
  const [shared, copy] = [join(folder, "shared"), join(folder, "copy")];
  for (const name of ["pieces", "lists"]) await mkdir(join(shared, RUN, name), { recursive: true });
  await writeFile(join(shared, RUN, "pieces", sha256("b")), "b");
  const files = new SharedFiles(await DirectoryStore.open(shared), RUN);
  const answer = async (/** @type {() => Promise<unknown>} */ read) => {
    try {
      await read();
    } catch (error) {
      if (!(error instanceof SlmError) || error.code === "UNEXPECTED") throw error;
    }
  };
  return async (/** @type {Uint8Array} */ bytes) => {
    const ref = { bytes: bytes.length, sha256: sha256(bytes) };
    const piece = join(shared, RUN, "pieces", ref.sha256);
    await writeFile(piece, bytes);
    await answer(() => files.getTree(ref, copy));
    await writeFile(join(shared, RUN, "lists", LARGE.sha256), bytes);
    await answer(() => files.getBytes(LARGE));
    if (ref.sha256 !== sha256("b")) await rm(piece);
    await rm(copy, { recursive: true, force: true });
  };
}
