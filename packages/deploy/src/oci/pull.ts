/** Pulls a bundle from an OCI registry. Only files that the bundle's manifest lists are written. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  removePath,
  hashFile,
  listFiles,
  MANIFEST_FILE,
  SIGNATURE_FILE,
  sha256,
  type DirectoryProblem,
  type Manifest,
  SlmError,
} from "@slm/core";
import { BUNDLE_LIMITS, type BundleLimits } from "../bundle/limits.js";
import { parseManifest, placeBundle, writePieces } from "../bundle/place-directory.js";
import {
  BUNDLE_CONFIG_TYPE,
  OCI_MANIFEST_TYPE,
  TITLE,
  ociManifestSchema,
  type OciManifest,
} from "./oci-manifest.js";
import type { OciReference } from "./reference.js";
import { RegistryClient, bodyOf, readBytes, type Credentials } from "./registry-client.js";

export interface PullOptions {
  readonly credentials?: Credentials | undefined;
  readonly signal?: AbortSignal;
  readonly limits?: BundleLimits;
  readonly onFile?: (path: string, done: number, total: number) => void;
  /** Longest time without a byte [ms]. Default: 120,000. */
  readonly silenceMs?: number | undefined;
}

export interface Pulled {
  readonly digest: string;
  readonly manifest: Manifest;
}

/**
 * Pulls into `directory`, which is written atomically after all checks. Files that an interrupted call has completed are not
 * fetched again.
 *
 * @throws SlmError INPUT_MISSING if the name does not exist; DATA_INVALID if the registry's answer is not a
 * bundle or does not match its digests; the errors of the registry client.
 */
export async function pullBundle(
  reference: OciReference,
  directory: string,
  options: PullOptions = {},
): Promise<Pulled> {
  const { limits = BUNDLE_LIMITS } = options;
  const where = `${reference.registry}/${reference.repository}`;
  const client = new RegistryClient(reference, options);
  const { oci, digest } = await fetchOciManifest(client, reference, limits);
  const fill = async (work: string): Promise<void> => {
    const config = await fetchSmall(client, oci.config, { limit: limits.manifestBytes, where });
    const layers = chooseLayers(oci, parseManifest(config, where, limits), { limits, where });
    const complete = await keepComplete(work, layers);
    await writePieces(work, { path: MANIFEST_FILE, bytes: config.byteLength }, [config]);
    for (const [at, layer] of layers.entries()) {
      if (!complete.has(layer.path)) {
        const response = await client.call(`blobs/${layer.digest}`, { expect: [200] });
        await writePieces(work, layer, bodyOf(response));
      }
      options.onFile?.(layer.path, at + 1, layers.length);
    }
  };
  const manifest = await placeBundle(directory, fill, { resumes: true });
  return { digest, manifest };
}

/** Removes all files that are not complete layers. */
async function keepComplete(work: string, layers: readonly Layer[]): Promise<ReadonlySet<string>> {
  const digests = new Map(layers.map(({ path, digest }) => [path, digest]));
  const complete = new Set<string>();
  const links: DirectoryProblem[] = [];
  for (const path of [...(await listFiles(work, "", links)), MANIFEST_FILE, SIGNATURE_FILE]) {
    const digest = digests.get(path);
    const isComplete =
      path !== SIGNATURE_FILE &&
      digest !== undefined &&
      `sha256:${await hashFile(join(work, path))}` === digest;
    if (isComplete) complete.add(path);
    else await rm(join(work, path), { force: true });
  }
  for (const { path } of links) await removePath(join(work, path));
  return complete;
}

interface Layer {
  readonly path: string;
  readonly bytes: number;
  readonly digest: string;
}

/** The layers, which must be exactly the files of the manifest, and the signature if there is one. */
function chooseLayers(
  oci: OciManifest,
  manifest: Manifest,
  { limits, where }: { readonly limits: BundleLimits; readonly where: string },
): readonly Layer[] {
  const wanted = new Map(
    manifest.outputs.map(({ path, bytes, sha256: hash }) => [path, `${bytes} sha256:${hash}`]),
  );
  const layers = oci.layers.map(({ annotations, size, digest }): Layer => {
    return { path: annotations[TITLE], bytes: size, digest };
  });
  for (const { path, bytes, digest } of layers) {
    const isSignature = path === SIGNATURE_FILE && bytes <= limits.signatureBytes;
    if (!isSignature && wanted.get(path) !== `${bytes} ${digest}`) {
      throw new SlmError(
        "DATA_INVALID",
        `${where}: layer '${path}' does not match its entry in ${MANIFEST_FILE}`,
      );
    }
    wanted.delete(path);
  }
  const [missing] = wanted.keys();
  if (missing !== undefined)
    throw new SlmError("DATA_INVALID", `${where}: there is no layer for '${missing}'`);
  return layers;
}

async function fetchOciManifest(
  client: RegistryClient,
  reference: OciReference,
  limits: BundleLimits,
): Promise<{ readonly oci: OciManifest; readonly digest: string }> {
  const where = `${reference.registry}/${reference.repository}:${reference.version}`;
  const response = await client.call(`manifests/${reference.version}`, {
    headers: { accept: OCI_MANIFEST_TYPE },
    expect: [200],
  });
  const { bytes, isCut } = await readBytes(response, limits.manifestBytes);
  const digest = `sha256:${sha256(bytes)}`;
  if (isCut || (reference.digest !== undefined && reference.digest !== digest)) {
    throw new SlmError(
      "DATA_INVALID",
      `${where}: expected ${reference.digest ?? "a manifest"}, got ${digest}`,
    );
  }
  const checked = ociManifestSchema.safeParse(parseJson(bytes, where));
  if (!checked.success || checked.data.config.mediaType !== BUNDLE_CONFIG_TYPE) {
    throw new SlmError("DATA_INVALID", `${where}: expected a bundle of slm, got another kind of artifact`, {
      suggestions: ["slm deploy MODEL --to oci --reference HOST/REPOSITORY:TAG"],
    });
  }
  return { oci: checked.data, digest };
}

async function fetchSmall(
  client: RegistryClient,
  { digest, size }: { readonly digest: string; readonly size: number },
  { limit, where }: { readonly limit: number; readonly where: string },
): Promise<Uint8Array> {
  if (size > limit)
    throw new SlmError(
      "DATA_INVALID",
      `${where}: ${MANIFEST_FILE} has ${size} bytes; at most ${limit} are allowed`,
    );
  const response = await client.call(`blobs/${digest}`, { expect: [200] });
  const { bytes } = await readBytes(response, limit);
  const got = `sha256:${sha256(bytes)}`;
  if (got === digest) return bytes;
  throw new SlmError("DATA_INVALID", `${where}: ${MANIFEST_FILE}: expected ${digest}, got ${got}`);
}

function parseJson(bytes: Uint8Array, where: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new SlmError("DATA_INVALID", `${where}: the manifest is not JSON`, { cause });
  }
}
