/** What the runs of a part of calibration data are made from: plain data, which travels to who makes them elsewhere. */
import type { GraphName } from "@slm/exported-model";

/** The image of a row. */
export interface RowImage {
  /** As the vision graph reads it, for a vision-language model. */
  readonly patches?: Float32Array | undefined;
}

/** A row of data as token ids; the target without special tokens. */
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
  /** Place of its size among those of a model with graphs of fixed sizes (target npu). */
  readonly bucket?: number | undefined;
  readonly runs: readonly RunRows[];
}

/** Files that hold the inputs of a run each. */
export interface FeedFiles {
  readonly kind: "files";
  readonly paths: readonly string[];
}

export type PartRows = ModelRows | FeedFiles;
