/**
 * The lowering variant of each op that has several, for each device: one row per target and profile of the device table. An op without a variant, or
 * a device without a row, is a compile error.
 *
 * Sources: onnxruntime 1.30, docs/OperatorKernels.md (CPU, CUDA, DirectML), docs/ContribOperators.md,
 * contrib_ops/webgpu/webgpu_contrib_kernels.cc, core/providers/qnn/builder/op_builder_factory.cc,
 * core/providers/openvino/ov_versions/data_ops.cc, tools/ci_build/github/apple/coreml_supported_mlprogram_ops.md.
 */
import { SlmError } from "@slm/core";
import { ALL_DEVICES, deviceOf, type Precision, type ProfileOf, type Target } from "@slm/devices";
import type { FileForm, LoweringDevice } from "../lowerings/lowering-device.js";
import type { LoweringVariants } from "../lowerings/lowering-variants.js";

/** The lowerings of one device. */
export interface Profile extends FileForm {
  readonly operators: LoweringVariants;
  /** Lowerings that differ at one precision. */
  readonly at?: Readonly<Partial<Record<Precision, Partial<LoweringVariants>>>>;
}

const OPSET_21 = { opset: 21, irVersion: 10 } as const;

const REPLACING = {
  ...OPSET_21,
  caches: "full",
  fusesHorizontally: false,
  rotary: "RotaryEmbedding",
} as const satisfies FileForm;

/** Standard operators, and ONNX Runtime's fused operators if every provider in use registers them. */
const FUSED = {
  embedding: "Gather",
  positionRows: "Gather",
  linear: "MatMulOrGemm",
  rmsNorm: "fusablePrimitives",
  gelu: "FastGelu",
  erfGelu: "primitives",
  mixTokens: "MatMul",
  shiftGrid: "MatMul",
  poolTokens: "strided",
  selfAttention: "decomposed",
  cachedAttention: "rotatedGroupQueryAttention",
  recurrence: "buffered",
  crossKey: "transposed",
  lengthBias: "range",
  crossAttention: "decomposed",
  lastPosition: "Gather",
} as const satisfies LoweringVariants;

/** Static shapes, hidden states as rows `[positions, width]`, ranks up to 4, standard operators only. */
const STATIC = {
  embedding: "rows",
  positionRows: "rows",
  linear: "Gemm",
  rmsNorm: "primitives",
  gelu: "Gelu",
  erfGelu: "Gelu",
  mixTokens: "Gemm",
  shiftGrid: "Gemm",
  poolTokens: "rows",
  selfAttention: "decomposed",
  cachedAttention: "window",
  recurrence: "window",
  crossKey: "transposed",
  lengthBias: "input",
  crossAttention: "decomposed",
  lastPosition: "only",
} as const satisfies LoweringVariants;

export const PROFILES: { readonly [T in Target]: { readonly [P in ProfileOf<T>]: Profile } } = {
  cpu: {
    cpu: {
      ...OPSET_21,
      operators: {
        ...FUSED,
        linear: "MatMulOrFusedMatMul",
        selfAttention: "GroupQueryAttention",
        cachedAttention: "delta",
        recurrence: "delta",
        crossKey: "scaledTransposed",
        crossAttention: "grouped",
      },
      // onnxruntime-node copies outputs, so the graph returns new positions instead of whole caches (docs/decisions/0003).
      caches: "delta",
      fusesHorizontally: true,
      rotary: "RotaryEmbedding",
    },
  },
  gpu: {
    cuda: {
      ...REPLACING,
      operators: { ...FUSED, cachedAttention: "GroupQueryAttention" },
      // CUDA registers GroupQueryAttention only for float16 and bfloat16.
      at: { float32: { cachedAttention: "decomposed" } },
    },
    directml: { ...REPLACING, operators: FUSED },
    coreml: {
      ...REPLACING,
      operators: { ...FUSED, rmsNorm: "primitives", gelu: "Gelu", cachedAttention: "decomposed" },
      rotary: "primitives",
    },
    webgpu: { ...REPLACING, operators: FUSED },
  },
  web: { webgpu: { ...REPLACING, operators: FUSED } },
  npu: {
    // RMSNormalization is an operator of opset 23. The provider maps it to its own operator, whose squares do not overflow float16: on the
    // simulator of onnxruntime-qnn 2.7.0 rows with values up to 48,000 are within 0.003 of float32.
    qnn: {
      ...REPLACING,
      opset: 23,
      irVersion: 11,
      operators: { ...STATIC, rmsNorm: "RMSNormalization" },
      isHalf: true,
      rotary: "primitives",
    },
    // The compiler fuses this pattern to one operator, so the graph contains no squares.
    openvino: {
      ...REPLACING,
      operators: { ...STATIC, rmsNorm: "fusablePrimitives" },
      isHalf: true,
      rotary: "primitives",
    },
    // The neural engine computes in float16.
    coreml: {
      ...REPLACING,
      operators: { ...STATIC, rmsNorm: "scaledPrimitives" },
      isHalf: true,
      rotary: "primitives",
    },
    // The opset that AMD's documentation recommends. It has no Gelu operator, and reduction axes are attributes. The compiler converts
    // float32 to bfloat16, which has the same range.
    vitisai: {
      ...REPLACING,
      opset: 17,
      irVersion: 8,
      operators: { ...STATIC, gelu: "primitives", erfGelu: "primitives" },
      rotary: "primitives",
    },
  },
};

/** A device, with the lowerings for one precision filled in. */
export interface Device extends LoweringDevice {
  readonly operators: LoweringVariants;
}

/** Lowerings by target and profile; `deviceOf` returns only existing pairs. */
const lowerings: Readonly<Record<Target, Readonly<Record<string, Profile>>>> = PROFILES;

/**
 * Returns the device of a target and a profile at a precision.
 *
 * @throws SlmError USAGE for a profile that the target does not have, OP_UNSUPPORTED for a precision that the profile does not support.
 */
export function selectDevice(request: {
  readonly target: Target;
  readonly profile?: string | undefined;
  readonly precision?: Precision | undefined;
}): Device {
  const { target, precision = "float32" } = request;
  const {
    profile: profileName,
    shapes,
    fusedPositions,
    precisions,
  } = deviceOf("export", target, request.profile);
  const verdict = precisions[precision];
  if (verdict !== true) {
    const takers = ALL_DEVICES.filter((device) => device.precisions[precision] === true);
    const elsewhere =
      takers.length === 1
        ? `; target ${takers[0]!.target} with profile ${takers[0]!.profile} supports ${precision}`
        : "";
    throw new SlmError(
      "OP_UNSUPPORTED",
      `export: profile ${profileName} of target ${target} does not support ${precision}: ${verdict}${elsewhere}`,
      { suggestions: ["--precision float32"] },
    );
  }
  const { operators, at, ...form } = lowerings[target][profileName]!;
  return {
    ...form,
    target,
    profileName,
    precision,
    shapes,
    fusedPositions,
    operators: { ...operators, ...at?.[precision] },
  };
}
