/** Number formats of a program's products; everything else is computed in float32. */
export const PRECISIONS = ["float32", "float16", "bfloat16"] as const;
export type Precision = (typeof PRECISIONS)[number];

/**
 * Which operators a program may use on an execution provider. What a provider lacks is composed of operators that it has, so that a whole
 * training step stays on the device.
 *
 * Source of the row of WebGPU: the provider of onnxruntime-node 1.30.0 on a software adapter, asked by loading training steps with
 * `session.disable_cpu_ep_fallback`.
 */
export interface Dialect {
  /** Precisions that products may be computed in. bfloat16: a graph that ONNX's checker accepts, run on no device yet. */
  readonly precisions: readonly Precision[];
  /** `com.microsoft::FusedMatMul`; otherwise Transpose, MatMul and Mul. */
  readonly fusedMatMul: boolean;
  /** Otherwise the logarithm of a sum of exponentials, after subtracting the largest. */
  readonly logSoftmax: boolean;
  /** Otherwise a comparison with all classes. */
  readonly oneHot: boolean;
  /** Otherwise two comparisons with 0. */
  readonly sign: boolean;
  /**
   * The further outputs of LayerNormalization and SimplifiedLayerNormalization, which the backward pass reads; otherwise norms are composed.
   * WebGPU's provider takes them and gives other numbers than the CPU's (up to 4.6 apart for an inverse deviation of 1 to 5).
   */
  readonly normStatistics: boolean;
  /** From int64, the type of TopK's places, to int32; otherwise the place of the largest is composed, and other places stay int64. */
  readonly castsInt64: boolean;
  /** Inputs or outputs of one Split or Concat; more are split or joined in groups. */
  readonly maxParts: number;
  /**
   * Sums by segment with at most so many segments are a product with a one-hot matrix. More are sorted, which needs operators on integers
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
  normStatistics: true,
  castsInt64: true,
  maxParts: Infinity,
  denseSegments: 512,
};

/** By ONNX Runtime's name of the provider; those that are not here are taken to be complete. */
const DIALECTS: Readonly<Record<string, Dialect>> = {
  cuda: { ...COMPLETE, precisions: PRECISIONS },
  // No provider: the operators of the ONNX standard alone, for its checker.
  onnx: { ...COMPLETE, precisions: PRECISIONS, fusedMatMul: false, normStatistics: false },
  webgpu: {
    precisions: ["float32", "float16"],
    fusedMatMul: false,
    logSoftmax: false,
    oneHot: false,
    sign: false,
    normStatistics: false,
    castsInt64: false,
    // Every adapter binds 8 buffers to a shader (WebGPU, maxStorageBuffersPerShaderStage): the parts and the whole.
    maxParts: 7,
    denseSegments: Infinity,
  },
};

/** @param provider as a runtime's `device` names it: "cpu", "webgpu" */
export const dialectOf = (provider: string): Dialect => DIALECTS[provider] ?? COMPLETE;
