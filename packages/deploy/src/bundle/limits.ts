/** Limits for reading bundles from other sources. */

export interface BundleLimits {
  /** Most files of a bundle, not counting the manifest and its signature. */
  readonly files: number;
  /** Total size of the files [bytes]. */
  readonly totalBytes: number;
  /** Size of manifest.json [bytes]. */
  readonly manifestBytes: number;
  /** Size of manifest.sig.json [bytes]. */
  readonly signatureBytes: number;
}

/** Enough for a model of 7 billion parameters in float16, split into thousands of files. */
export const BUNDLE_LIMITS: BundleLimits = {
  files: 4096,
  totalBytes: 2 ** 35,
  manifestBytes: 2 ** 22,
  signatureBytes: 2 ** 14,
};
