import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Manifest } from "@slm/core";
import { bundleEntries } from "./pack.js";
import { placeBundle } from "./place-directory.js";

/** Copies a bundle, its signature included. @throws SlmError DATA_INVALID if it does not match its manifest; OUTPUT_FAILED */
export async function copyBundle(from: string, to: string): Promise<Manifest> {
  const entries = await bundleEntries(from);
  return placeBundle(to, async (work) => {
    for (const { path } of entries) {
      await mkdir(dirname(join(work, path)), { recursive: true });
      await copyFile(join(from, path), join(work, path));
    }
  });
}
