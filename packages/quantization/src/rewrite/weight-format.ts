/** The interface of a weight format: quantizing one weight, and the nodes that use the result. */
import type { WeightOptions } from "@slm/devices";
import type { GraphNode } from "@slm/onnx";
import type { Gram, RunOutputs } from "../weights/quantize-blocks.js";
import type { WeightMatrix } from "../weights/weight-matrix.js";
import type { GraphParts } from "./graph-parts.js";
import type { EmbeddingUse, LinearUse } from "./weight-uses.js";

/** A float32 weight and the nodes that read it in the same layout. */
export interface SharedWeight {
  readonly name: string;
  readonly matrix: WeightMatrix;
  readonly isEmbedding: boolean;
  readonly isLinear: boolean;
  /** Gram matrix of its activations. Only with calibration data. */
  readonly gram?: Gram | undefined;
}

export interface FormatOptions {
  /** Block formats. Default method: `search`; default block size: see `defaultBlockSize`. */
  readonly weights?: Omit<WeightOptions, "embedding"> | undefined;
  /** int8-dynamic: 7-bit weights for x86 CPUs without VNNI. */
  readonly reduceRange: boolean;
  /** Block formats: runs the inner loop, possibly in several threads. Default: in this thread. */
  readonly run?: RunOutputs | undefined;
}

/** A quantized weight and the nodes that use it. Each list is in topological order. */
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
) => QuantizedWeight | Promise<QuantizedWeight>;
