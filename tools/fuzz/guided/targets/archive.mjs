/** Packed bundles (.slm): unpacks the archive and its manifest into a folder. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packBundle } from "../../../../packages/deploy/src/bundle/pack.ts";
import { writeTinyBundle } from "../../../../packages/deploy/src/bundle/tiny-bundle.test-support.ts";
import { unpackBundle } from "../../../../packages/deploy/src/bundle/unpack.ts";

export async function seeds() {
  const folder = join(tmpdir(), `slm-fuzz-bundle-${process.pid}`);
  await mkdir(folder, { recursive: true });
  await packBundle(await writeTinyBundle(join(folder, "bundle")), join(folder, "bundle.slm"));
  const bytes = await readFile(join(folder, "bundle.slm"));
  await rm(folder, { recursive: true });
  return [bytes];
}

export function open(/** @type {string} */ folder) {
  const [file, into] = [join(folder, "bundle.slm"), join(folder, "unpacked")];
  return async (/** @type {Uint8Array} */ bytes) => {
    await writeFile(file, bytes);
    await rm(into, { recursive: true, force: true });
    await unpackBundle(file, into);
  };
}
