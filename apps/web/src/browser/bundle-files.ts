/** Lists the files of a bundle at an address, from its manifest. */
import { SlmError } from "@slm/core/errors";
import { listedFiles } from "../bundle-files.js";
import type { SiteFile } from "../messages.js";

/** @throws SlmError INPUT_MISSING if there is no manifest, DATA_INVALID if the file is not a manifest */
export async function readBundleFiles(base: URL, signal?: AbortSignal): Promise<readonly SiteFile[]> {
  const address = new URL("manifest.json", base).href;
  const response = await fetch(address, { signal: signal ?? null });
  if (!response.ok)
    throw new SlmError("INPUT_MISSING", `${address}: the server answered ${response.status}`, {
      suggestions: ["use the address of a bundle's folder, such as model/ from 'slm deploy --to web'"],
    });
  const manifest: unknown = await response.json().catch(() => undefined);
  return listedFiles(manifest, address);
}
