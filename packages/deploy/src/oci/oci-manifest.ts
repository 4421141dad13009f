/** Describes a bundle as an OCI artifact: its manifest is the configuration, and every other file is a layer with its path as title. */
import { z } from "zod";

export const OCI_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const BUNDLE_ARTIFACT_TYPE = "application/vnd.slm.bundle.v1";
export const BUNDLE_CONFIG_TYPE = "application/vnd.slm.bundle.manifest.v1+json";
const BUNDLE_LAYER_TYPE = "application/octet-stream";

/** Annotation with a layer's path, which other clients use as file name. Source: OCI Image Specification 1.1. */
export const TITLE = "org.opencontainers.image.title";

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "expected sha256: and 64 hexadecimal digits");

const descriptor = z.looseObject({ mediaType: z.string().max(255), digest, size: z.int().nonnegative() });

export const ociManifestSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.literal(OCI_MANIFEST_TYPE).optional(),
  artifactType: z.string().max(255).optional(),
  config: descriptor,
  layers: z.array(descriptor.extend({ annotations: z.looseObject({ [TITLE]: z.string().max(4096) }) })),
});

export type OciManifest = z.infer<typeof ociManifestSchema>;

/** A file to store as a blob. */
export interface BlobFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The bytes of the manifest to push. The same files give the same bytes. */
export function ociManifestText(config: BlobFile, layers: readonly BlobFile[]): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST_TYPE,
    artifactType: BUNDLE_ARTIFACT_TYPE,
    config: { mediaType: BUNDLE_CONFIG_TYPE, digest: `sha256:${config.sha256}`, size: config.bytes },
    layers: layers.map(({ path, bytes, sha256 }) => ({
      mediaType: BUNDLE_LAYER_TYPE,
      digest: `sha256:${sha256}`,
      size: bytes,
      annotations: { [TITLE]: path },
    })),
  });
}
