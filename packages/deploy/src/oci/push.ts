/** Pushes a bundle to an OCI registry. Files that the registry already has are not sent again. */
import { openAsBlob } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { MANIFEST_FILE, hashFile, sha256, SlmError } from "@slm/core";
import { bundleEntries } from "../bundle/pack.js";
import { OCI_MANIFEST_TYPE, ociManifestText, type BlobFile } from "./oci-manifest.js";
import type { OciReference } from "./reference.js";
import { RegistryClient, type Credentials } from "./registry-client.js";

export interface PushOptions {
  readonly credentials?: Credentials | undefined;
  readonly signal?: AbortSignal;
  /** Longest time without a byte [ms]. Default: 120,000. */
  readonly silenceMs?: number | undefined;
  /** Called after every file. */
  readonly onFile?: (path: string, done: number, total: number) => void;
}

export interface Pushed {
  /** `host/repository@sha256:...`: a permanent name of exactly these bytes. */
  readonly reference: string;
  readonly digest: string;
  /** Number of files sent; the registry had the others. */
  readonly sent: number;
}

/**
 * Pushes a verified bundle. The manifest is last, so nobody can pull an incomplete bundle.
 *
 * @throws SlmError DATA_INVALID if the bundle does not match its manifest; the errors of the registry client.
 */
export async function pushBundle(
  directory: string,
  reference: OciReference,
  options: PushOptions = {},
): Promise<Pushed> {
  if (reference.digest !== undefined) {
    throw new SlmError(
      "USAGE",
      "deploy: push to a tag, not to a digest; the digest is computed from the contents",
    );
  }
  const entries = await bundleEntries(directory);
  const files = await Promise.all(entries.map(({ path }) => describeBlob(directory, path)));
  const client = new RegistryClient(reference, options);
  let sent = 0;
  for (const [at, file] of files.entries()) {
    if (await pushBlob(client, directory, file)) sent++;
    options.onFile?.(file.path, at + 1, files.length);
  }
  const [config, ...layers] = files;
  if (config?.path !== MANIFEST_FILE) throw new SlmError("DATA_INVALID", `${directory}: no ${MANIFEST_FILE}`);
  const text = ociManifestText(config, layers);
  const digest = `sha256:${sha256(text)}`;
  await client.call(`manifests/${reference.version}`, {
    method: "PUT",
    headers: { "content-type": OCI_MANIFEST_TYPE },
    body: () => text,
    expect: [201],
  });
  return { reference: `${reference.registry}/${reference.repository}@${digest}`, digest, sent };
}

async function describeBlob(directory: string, path: string): Promise<BlobFile> {
  const full = join(directory, path);
  return { path, bytes: (await stat(full)).size, sha256: await hashFile(full) };
}

/** Uploads a file. @returns false if the registry already had it */
async function pushBlob(client: RegistryClient, directory: string, file: BlobFile): Promise<boolean> {
  const digest = `sha256:${file.sha256}`;
  const head = await client.call(`blobs/${digest}`, { method: "HEAD", expect: [200, 404] });
  if (head.status === 200) return false;
  const begun = await client.call("blobs/uploads/", { method: "POST", expect: [202] });
  const location = begun.headers.get("location");
  if (location === null) throw new SlmError("OUTPUT_FAILED", "the registry did not return an upload address");
  const url = client.resolve(location);
  url.searchParams.set("digest", digest);
  const blob = await openAsBlob(join(directory, file.path));
  await client.callUrl(url, {
    method: "PUT",
    headers: { "content-type": "application/octet-stream" },
    body: () => blob,
    expect: [201],
  });
  return true;
}
