/** Lists the files of a bundle at an address, from its manifest. */
import { SlmError } from "@slm/core/errors";
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
  const outputs = Object(manifest) as { readonly outputs?: unknown };
  if (Array.isArray(outputs.outputs) && outputs.outputs.every(isFile)) return outputs.outputs;
  throw new SlmError("DATA_INVALID", `${address}: expected a manifest that lists files with their hashes`);
}

function isFile(value: unknown): value is SiteFile {
  const { path, bytes, sha256 } = Object(value) as Readonly<Record<string, unknown>>;
  return typeof path === "string" && typeof bytes === "number" && typeof sha256 === "string";
}
