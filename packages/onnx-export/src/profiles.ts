/**
 * What each target and profile is made of: one row per profile, one column per op. A profile is the software that
 * reads the files (an execution provider of ONNX Runtime, or a compiler behind one); its row names the form in which
 * every op is lowered. An op without a form does not compile.
 *
 * Sources: onnxruntime 1.30, docs/OperatorKernels.md (CPU, CUDA, DirectML), docs/ContribOperators.md,
 * contrib_ops/webgpu/webgpu_contrib_kernels.cc, core/providers/qnn/builder/op_builder_factory.cc,
 * core/providers/openvino/ov_versions/data_ops.cc, tools/ci_build/github/apple/coreml_supported_mlprogram_ops.md.
 */
import { SlmError } from "@slm/core";
import type { CacheForm } from "@slm/runtime";
import type { OperatorForms } from "./lowerings/forms.js";

/** Devices that graphs can be lowered to. */
export const EXPORT_TARGETS = ["cpu", "gpu", "web", "npu"] as const;
export type ExportTarget = (typeof EXPORT_TARGETS)[number];

/** Element types that weights, activations and caches can have. */
export const PRECISIONS = ["float32", "float16", "bfloat16"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Why a profile does not take a precision. */
type Refusals = Readonly<Partial<Record<Precision, string>>>;

export interface Profile {
  /** What reads the files. */
  readonly summary: string;
  /** Version of ONNX's operators, and of the file format that goes with it. */
  readonly opset: number;
  readonly irVersion: number;
  /** dynamic: sizes are read when the graph runs. static: every size is a number; one graph set per source length. */
  readonly shapes: "dynamic" | "static";
  readonly refuses: Refusals;
  readonly operators: OperatorForms;
  /** Forms that differ at one precision. */
  readonly at?: Readonly<Partial<Record<Precision, Partial<OperatorForms>>>>;
  /** How a decoder of dynamic sizes hands back its caches, see `model.json`. Default: replaced. */
  readonly caches?: CacheForm;
  /** Whether products of one value with several weights become one (`graphs/join-products.ts`). Default: no. */
  readonly joinsProducts?: boolean;
  /** Whether rotation is the fused `RotaryEmbedding` or products of halves. */
  readonly rotary: "RotaryEmbedding" | "primitives";
}

const noBfloat16 = (reason: string): Refusals => ({
  bfloat16: `${reason}; target gpu with profile cuda takes bfloat16`,
});

const OPSET_21 = { opset: 21, irVersion: 10 } as const;

/** Standard operators, fused where ONNX Runtime's own operators are registered for every provider it is used with. */
const FUSED = {
  embedding: "Gather",
  linear: "MatMulOrGemm",
  rmsNorm: "fusablePrimitives",
  headNorm: "heads",
  silu: "sigmoid",
  multiply: "Mul",
  softcap: "Tanh",
  gelu: "FastGelu",
  quickGelu: "sigmoid",
  layerNorm: "LayerNormalization",
  concatTokens: "Concat",
  tokensFrom: "Slice",
  mixTokens: "MatMul",
  shiftGrid: "MatMul",
  add: "Add",
  selfAttention: "products",
  cachedAttention: "rotatedGroupQueryAttention",
  crossKey: "transposed",
  crossValue: "rows",
  lengthBias: "range",
  crossAttention: "products",
  lastPosition: "Gather",
} as const satisfies OperatorForms;

/** Static sizes, hidden states as rows `[positions, width]`, ranks up to 4, standard operators only. */
const STATIC = {
  embedding: "rows",
  linear: "Gemm",
  rmsNorm: "primitives",
  headNorm: "heads",
  silu: "sigmoid",
  multiply: "Mul",
  softcap: "Tanh",
  gelu: "Gelu",
  quickGelu: "sigmoid",
  layerNorm: "LayerNormalization",
  concatTokens: "Concat",
  tokensFrom: "Slice",
  mixTokens: "MatMul",
  shiftGrid: "MatMul",
  add: "Add",
  selfAttention: "products",
  cachedAttention: "window",
  crossKey: "transposed",
  crossValue: "rows",
  lengthBias: "input",
  crossAttention: "products",
  lastPosition: "only",
} as const satisfies OperatorForms;

export const PROFILES = {
  cpu: {
    onnxruntime: {
      summary: "ONNX Runtime's CPU provider",
      ...OPSET_21,
      shapes: "dynamic",
      refuses: noBfloat16("ONNX Runtime's CPU provider has no bfloat16 kernels"),
      operators: {
        ...FUSED,
        linear: "MatMulOrFusedMatMul",
        selfAttention: "GroupQueryAttention",
        cachedAttention: "appended",
        crossKey: "scaledTransposed",
        crossAttention: "grouped",
      },
      // onnxruntime-node copies what leaves a graph: new positions, not whole caches (docs/decisions/0003).
      caches: "appended",
      joinsProducts: true,
      rotary: "RotaryEmbedding",
    },
  },
  gpu: {
    cuda: {
      summary: "ONNX Runtime's CUDA provider",
      ...OPSET_21,
      shapes: "dynamic",
      refuses: {},
      operators: { ...FUSED, cachedAttention: "GroupQueryAttention" },
      // CUDA's GroupQueryAttention is registered for float16 and bfloat16 only.
      at: { float32: { cachedAttention: "products" } },
      rotary: "RotaryEmbedding",
    },
    webgpu: {
      summary: "ONNX Runtime's WebGPU provider",
      ...OPSET_21,
      shapes: "dynamic",
      refuses: noBfloat16("WebGPU has no bfloat16"),
      operators: FUSED,
      rotary: "RotaryEmbedding",
    },
    directml: {
      summary: "ONNX Runtime's DirectML provider",
      ...OPSET_21,
      shapes: "dynamic",
      refuses: noBfloat16("DirectML has no bfloat16 kernels"),
      operators: FUSED,
      rotary: "RotaryEmbedding",
    },
    coreml: {
      summary: "ONNX Runtime's CoreML provider, ML programs; what it lacks runs on the processor",
      ...OPSET_21,
      shapes: "dynamic",
      refuses: noBfloat16("CoreML has no bfloat16"),
      operators: { ...FUSED, rmsNorm: "primitives", gelu: "Gelu", cachedAttention: "products" },
      rotary: "primitives",
    },
  },
  web: {
    browser: {
      summary: "onnxruntime-web, by wasm or WebGPU",
      ...OPSET_21,
      shapes: "dynamic",
      refuses: noBfloat16("neither wasm nor WebGPU has bfloat16"),
      operators: FUSED,
      rotary: "RotaryEmbedding",
    },
  },
  npu: {
    qnn: {
      summary: "Qualcomm's Hexagon, by the QNN provider",
      // RMSNormalization is an operator of opset 23; the provider maps it to one of its own.
      opset: 23,
      irVersion: 11,
      shapes: "static",
      refuses: noBfloat16("the QNN provider runs float32 graphs in bfloat16 by its option htp_bf16_enable"),
      operators: { ...STATIC, rmsNorm: "RMSNormalization" },
      rotary: "primitives",
    },
    openvino: {
      summary: "Intel's NPU, by the OpenVINO provider",
      ...OPSET_21,
      shapes: "static",
      refuses: noBfloat16("Intel's NPU computes in float16"),
      // The compiler fuses this very pattern to one operator.
      operators: { ...STATIC, rmsNorm: "fusablePrimitives" },
      rotary: "primitives",
    },
    coreml: {
      summary: "Apple's Neural Engine, by the CoreML provider with static ML programs",
      ...OPSET_21,
      shapes: "static",
      refuses: noBfloat16("CoreML has no bfloat16"),
      operators: STATIC,
      rotary: "primitives",
    },
    vitisai: {
      summary: "AMD's XDNA, by the VitisAI provider",
      // The version AMD's documentation recommends: no Gelu operator yet, reduction axes are attributes.
      opset: 17,
      irVersion: 8,
      shapes: "static",
      refuses: {
        ...noBfloat16("the VitisAI compiler turns float32 graphs into bfloat16 itself"),
        float16: "the VitisAI compiler takes float32 graphs",
      },
      operators: { ...STATIC, gelu: "primitives" },
      rotary: "primitives",
    },
  },
} as const satisfies { readonly [T in ExportTarget]: Readonly<Record<string, Profile>> };

/** Profile of a target when none is named: the first. */
export function defaultProfile(target: ExportTarget): string {
  return Object.keys(PROFILES[target])[0]!;
}

/** Every target's profiles, as `--profile` takes them. */
export function profileNames(target: ExportTarget): readonly string[] {
  return Object.keys(PROFILES[target]);
}

/** All names that a profile has for any target. */
export const PROFILE_NAMES: readonly string[] = [...new Set(EXPORT_TARGETS.flatMap(profileNames))];

/** What to lower for: the profile with the forms of the precision filled in. */
export interface Device {
  readonly target: ExportTarget;
  readonly profileName: string;
  readonly precision: Precision;
  readonly profile: Profile;
  readonly operators: OperatorForms;
}

/**
 * The profile of a target at a precision.
 *
 * @throws SlmError USAGE for a profile the target does not have, OP_UNSUPPORTED for a precision the profile refuses.
 */
export function selectDevice(request: {
  readonly target: ExportTarget;
  readonly profile?: string | undefined;
  readonly precision?: Precision | undefined;
}): Device {
  const { target, precision = "float32" } = request;
  const profileName = request.profile ?? defaultProfile(target);
  const profiles: Readonly<Record<string, Profile>> = PROFILES[target];
  const profile = Object.hasOwn(profiles, profileName) ? profiles[profileName] : undefined;
  if (profile === undefined) {
    const known = profileNames(target);
    throw new SlmError(
      "USAGE",
      `export: target ${target} has the profiles ${known.join(", ")}, got '${profileName}'`,
      { suggestions: known.map((name) => `--target ${target} --profile ${name}`) },
    );
  }
  const refusal = profile.refuses[precision];
  if (refusal !== undefined) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `export: profile ${profileName} of target ${target} does not take ${precision}: ${refusal}`,
      { suggestions: ["--precision float32"] },
    );
  }
  return {
    target,
    profileName,
    precision,
    profile,
    operators: { ...profile.operators, ...profile.at?.[precision] },
  };
}

/** How decoders of a device hand back their caches. */
export const cacheFormOf = ({ profile }: Pick<Device, "profile">): CacheForm => profile.caches ?? "replaced";
