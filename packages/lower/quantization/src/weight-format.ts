import type { GraphNode } from "@slm/graph";
import type { GraphParts } from "./graph-parts.js";
import type { BlockSize } from "./int4-blocks.js";
import type { WeightMatrix } from "./weight-matrix.js";
import type { EmbeddingUse, LinearUse } from "./weight-uses.js";

/** One float32 weight with everything that reads it in the same layout. */
export interface SharedWeight {
  readonly name: string;
  readonly matrix: WeightMatrix;
  readonly isEmbedding: boolean;
  readonly isLinear: boolean;
}

export interface FormatOptions {
  readonly blockSize: BlockSize;
  readonly reduceRange: boolean;
}

/** A weight in its new form, and the nodes that use that form. Each list is in topological order. */
export interface QuantizedWeight {
  /** ||w - dequantized|| / ||w||, Frobenius norms. */
  readonly relativeError: number;
  linear(use: LinearUse, original: GraphNode): readonly GraphNode[];
  embedding(use: EmbeddingUse, original: GraphNode): readonly GraphNode[];
}

/** Quantizes one weight, adding its initializers to `parts`. */
export type QuantizeWeight = (
  weight: SharedWeight,
  parts: GraphParts,
  options: FormatOptions,
) => QuantizedWeight;
