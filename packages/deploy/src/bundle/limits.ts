/** Limits for reading bundles from other sources. */

export interface BundleLimits {
  /** Files of a bundle, the manifest and its signature not counted. */
  readonly files: number;
  /** All files together [bytes]. */
  readonly totalBytes: number;
  /** manifest.json [bytes]. */
  readonly manifestBytes: number;
  /** manifest.sig.json [bytes]. */
  readonly signatureBytes: number;
}

/** Room for a model of 7 billion parameters in float16, with its parts in thousands of files. */
export const BUNDLE_LIMITS: BundleLimits = {
  files: 4096,
  totalBytes: 2 ** 35,
  manifestBytes: 2 ** 22,
  signatureBytes: 2 ** 14,
};
