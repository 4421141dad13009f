/** Pulls a bundle from an OCI registry: nothing is written that the bundle's own manifest does not list. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
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
 * Pulls into `directory`, which appears whole and checked or not at all. Files that a killed or broken call has completed are not
 * fetched again.
 *
 * @throws SlmError INPUT_MISSING if there is nothing of that name; DATA_INVALID if what the registry gives is not a
 * bundle, or not what its digests say; what the registry client throws.
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

/** Removes everything but complete files of these layers. */
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
  for (const { path } of links) await rm(join(work, path), { recursive: true, force: true });
  return complete;
}

interface Layer {
  readonly path: string;
  readonly bytes: number;
  readonly digest: string;
}

/** The layers of exactly the files that the manifest lists, with the signature where there is one. */
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
        `${where}: layer '${path}' is not the file of that name in ${MANIFEST_FILE}`,
      );
    }
    wanted.delete(path);
  }
  const [missing] = wanted.keys();
  if (missing !== undefined) throw new SlmError("DATA_INVALID", `${where}: no layer holds '${missing}'`);
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
    throw new SlmError("DATA_INVALID", `${where}: this is an artifact of another kind, not a bundle of slm`, {
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
      `${where}: ${MANIFEST_FILE} has ${size} bytes, at most ${limit} are read`,
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
