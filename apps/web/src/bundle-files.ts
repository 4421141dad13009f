/** The files of a bundle as its manifest lists them, and the check of their bytes. */
import { SlmError } from "@slm/core/errors";
import type { SiteFile } from "./messages.js";

/**
 * The files that a manifest lists.
 *
 * @param address of the manifest, for the error
 * @throws SlmError DATA_INVALID if it is not a manifest
 */
export function listedFiles(manifest: unknown, address: string): readonly SiteFile[] {
  const outputs = Object(manifest) as { readonly outputs?: unknown };
  if (Array.isArray(outputs.outputs) && outputs.outputs.every(isFile)) return outputs.outputs;
  throw new SlmError("DATA_INVALID", `${address}: expected a manifest that lists files with their hashes`);
}

function isFile(value: unknown): value is SiteFile {
  const { path, bytes, sha256 } = Object(value) as Readonly<Record<string, unknown>>;
  return typeof path === "string" && typeof bytes === "number" && typeof sha256 === "string";
}

/** @throws Error if the bytes are not those of the manifest */
export async function checkFile(
  { path, bytes, sha256 }: SiteFile,
  content: Uint8Array<ArrayBuffer>,
): Promise<void> {
  // `crypto.subtle` exists only with https or on localhost.
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (content.byteLength !== bytes || hex !== sha256)
    throw new Error(`${path}: does not match its hash in the manifest`);
}
