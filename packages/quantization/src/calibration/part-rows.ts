/** The rows or files of a part of calibration data, as plain data that can be sent to other machines. */
import type { GraphName } from "@slm/exported-model";

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

/** Rows for a graph of an exported model. */
export interface ModelRows {
  readonly kind: "pairs";
  readonly graph: GraphName;
  /** Index of its size, for static graphs (target npu). */
  readonly bucket?: number | undefined;
  readonly runs: readonly RunRows[];
}

/** Files with the inputs of one run each. */
export interface FeedFiles {
  readonly kind: "files";
  readonly paths: readonly string[];
}

export type PartRows = ModelRows | FeedFiles;
