/** Number formats of a program's products; everything else is computed in float32. */
export const PRECISIONS = ["float32", "float16", "bfloat16"] as const;
export type Precision = (typeof PRECISIONS)[number];

/**
 * Which operators a program may use on an execution provider. Operators that the provider lacks are composed from others, so that a whole
 * training step stays on the device.
 *
 * Source of the WebGPU entry: onnxruntime-node 1.30.0 on a software adapter, by loading training steps with `session.disable_cpu_ep_fallback`.
 */
export interface Dialect {
  /** Precisions for products. bfloat16: ONNX's checker accepts the graph, but it has not run on any device yet. */
  readonly precisions: readonly Precision[];
  /** `com.microsoft::FusedMatMul`; otherwise Transpose, MatMul and Mul. */
  readonly fusedMatMul: boolean;
  /** Otherwise the logarithm of a sum of exponentials, after subtracting the maximum. */
  readonly logSoftmax: boolean;
  /** Otherwise a comparison with all classes. */
  readonly oneHot: boolean;
  /** Otherwise two comparisons with 0. */
  readonly sign: boolean;
  /** `Sum` with any number of inputs; otherwise additions. */
  readonly sum: boolean;
  /**
   * The additional outputs of LayerNormalization and SimplifiedLayerNormalization, which the backward pass reads; otherwise norms are composed.
   * WebGPU's provider accepts them, but its numbers differ from the CPU's (by up to 4.6 for an inverse deviation of 1 to 5).
   */
  readonly normStatistics: boolean;
  /** From int64, the type of TopK's indices, to int32. Otherwise argmax is composed, and other indices stay int64. */
  readonly castsInt64: boolean;
  /** Most inputs or outputs of one Split or Concat; more are split or joined in groups. */
  readonly maxParts: number;
  /**
   * Up to this many segments, sums by segment are a product with a one-hot matrix. More segments are sorted, which needs integer operators
   * (TopK, CumSum, ScatterND).
   */
  readonly denseSegments: number;
}

/** Providers with all operators that programs use. 512 segments: measured on CPUs at 1,024 to 4,096 rows of 96 to 256. */
const COMPLETE: Dialect = {
  precisions: ["float32", "float16"],
  fusedMatMul: true,
  logSoftmax: true,
  oneHot: true,
  sign: true,
  sum: true,
  normStatistics: true,
  castsInt64: true,
  maxParts: Infinity,
  denseSegments: 512,
};

/** By ONNX Runtime's provider name. Providers that are not listed are assumed to be complete. */
const DIALECTS: Readonly<Record<string, Dialect>> = {
  cuda: { ...COMPLETE, precisions: PRECISIONS },
  // No provider: only the operators of the ONNX standard, for its checker.
  onnx: { ...COMPLETE, precisions: PRECISIONS, fusedMatMul: false, normStatistics: false },
  webgpu: {
    precisions: ["float32", "float16"],
    fusedMatMul: false,
    logSoftmax: false,
    oneHot: false,
    sign: false,
    sum: false,
    normStatistics: false,
    castsInt64: false,
    // Every adapter can bind 8 buffers to a shader (WebGPU, maxStorageBuffersPerShaderStage): the parts and the whole.
    maxParts: 7,
    denseSegments: Infinity,
  },
};

/** @param provider name in a runtime's `device`: "cpu", "webgpu" */
export const dialectOf = (provider: string): Dialect => DIALECTS[provider] ?? COMPLETE;
