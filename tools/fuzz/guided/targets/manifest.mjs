/** Manifests of artifacts and lists of folders. */
import { readFile } from "node:fs/promises";
import { parseManifestText } from "@slm/core";
import { writeTinyBundle } from "../../../../packages/deploy/src/bundle/tiny-bundle.test-support.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export async function seeds() {
  const folder = await mkdtemp(join(tmpdir(), "slm-fuzz-manifest-"));
  const text = await readFile(join(await writeTinyBundle(join(folder, "bundle")), "manifest.json"));
  await rm(folder, { recursive: true });
  return [text];
}

export function open() {
  return (/** @type {Uint8Array} */ bytes) =>
    void parseManifestText(Buffer.from(bytes).toString("utf8"), "manifest.json");
}
