/** Calibration rows as token ids. */

/** The image of a row. */
export interface RowImage {
  /** In the vision graph's format, for a vision-language model. */
  readonly patches?: Float32Array | undefined;
}

/** A row as token ids. The target has no special tokens. */
export interface TokenPair extends RowImage {
  readonly source: readonly number[];
  readonly target: readonly number[];
}

/** Rows of one run. They have equal lengths, so that padding does not affect statistics. */
export type RunRows = readonly TokenPair[];
