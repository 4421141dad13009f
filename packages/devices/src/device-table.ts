/**
 * The device table: one row per target and profile. A target is a kind of device; a profile is the software that runs graphs there: an
 * execution provider of ONNX Runtime, possibly with a vendor's compiler. The provider is part of onnxruntime-node, or a vendor's plug-in
 * that the user installs (`@slm/runtime-native/plugins`); column `provider` is for the former. Export, quantization, analysis, the
 * runtimes, the command line and docs/reference/devices.md read this table, and the types of all names derive from it. A missing column, a
 * profile without lowerings (`@slm/onnx-export`) or without a row of operator rules (`@slm/analysis`) is a compile error.
 *
 * Sources: onnxruntime 1.30, docs/OperatorKernels.md and docs/ContribOperators.md (MatMulNBits, GatherBlockQuantized,
 * DynamicQuantizeLinear by provider), docs/execution-providers/QNN-ExecutionProvider.md and OpenVINO-ExecutionProvider.md,
 * tools/ci_build/github/apple/coreml_supported_mlprogram_ops.md (no QuantizeLinear), coreml_provider_factory.h (flags),
 * onnxruntime-common 1.30, inference-session.d.ts; ryzenai.docs.amd.com (8-bit activations and weights, signed weights).
 */
import { SCHEME_NAMES, type DeviceRow, type SchemeName } from "./device-row.js";

const BLOCKS = ["int8-block", "int4-block"] as const satisfies readonly SchemeName[];
const STATIC = ["int8-qdq", "a8w8", "a16w8", "a16w4"] as const satisfies readonly SchemeName[];

/** Columns of a profile that do not depend on the target. */
const WEBGPU = {
  title: "WebGPU, ONNX Runtime WebGPU provider",
  label: "the WebGPU provider",
  provider: { name: "webgpu" },
  shapes: "dynamic",
  // From 32 positions on, GroupQueryAttention shuffles keys between the lanes of a subgroup and assumes at least 8 lanes (onnxruntime 1.30,
  // flash_attention.wgsl.template). SwiftShader has 4, so its results are wrong.
  fusedPositions: 31,
} as const;

const COREML = {
  label: "CoreML",
  needs: "macOS",
  precisions: { float32: true, float16: true, bfloat16: "CoreML has no bfloat16" },
  schemes: {
    takes: [],
    default: null,
    reason: "CoreML has no quantized operators; float16 halves the model",
  },
} as const;

/** The profiles of a target are in the order in which a runtime tries them, the fastest first. */
export const DEVICES = {
  cpu: {
    cpu: {
      title: "ONNX Runtime, CPU provider",
      label: "the CPU provider",
      provider: { name: "cpu" },
      needs: null,
      runtimes: ["cpu", "web"],
      rest: null,
      results: "measured",
      precisions: {
        float32: true,
        float16: true,
        bfloat16: "ONNX Runtime's CPU provider has no bfloat16 kernels",
      },
      schemes: {
        takes: SCHEME_NAMES,
        default: "cpu",
        reason: "it supports all of them",
      },
      shapes: "dynamic",
      fusedPositions: null,
    },
  },
  gpu: {
    cuda: {
      title: "NVIDIA GPU, ONNX Runtime CUDA provider",
      label: "the CUDA provider",
      provider: { name: "cuda" },
      needs: "an NVIDIA GPU, CUDA 12 and cuDNN 9",
      runtimes: ["gpu", "cpu"],
      rest: "cpu",
      results: "fallback",
      precisions: { float32: true, float16: true, bfloat16: true },
      schemes: {
        takes: BLOCKS,
        default: "int4-block",
        reason: "its fast kernels for quantized weights need block formats",
      },
      shapes: "dynamic",
      fusedPositions: null,
    },
    directml: {
      title: "Windows GPU, ONNX Runtime DirectML provider",
      label: "DirectML",
      provider: { name: "dml" },
      needs: "Windows and a DirectX 12 device",
      runtimes: ["gpu", "cpu"],
      rest: "cpu",
      results: "fallback",
      precisions: { float32: true, float16: true, bfloat16: "DirectML has no bfloat16 kernels" },
      schemes: { takes: BLOCKS, default: "int4-block", reason: "it has kernels for block formats" },
      shapes: "dynamic",
      fusedPositions: null,
    },
    coreml: {
      ...COREML,
      title: "Apple GPU, ONNX Runtime CoreML provider (MLProgram)",
      // COREML_FLAG_CREATE_MLPROGRAM and COREML_FLAG_USE_CPU_AND_GPU.
      provider: { name: "coreml", coreMlFlags: 0x010 | 0x020 },
      runtimes: ["gpu", "cpu"],
      rest: "cpu",
      results: "fallback",
      shapes: "dynamic",
      fusedPositions: null,
    },
    webgpu: {
      ...WEBGPU,
      needs: "a GPU with Vulkan, Metal or Direct3D 12",
      runtimes: ["gpu", "cpu"],
      rest: "cpu",
      results: "software",
      precisions: { float32: true, float16: true, bfloat16: "WebGPU has no bfloat16" },
      schemes: {
        takes: BLOCKS,
        default: "int4-block",
        reason: "it has only kernels for block formats",
      },
    },
  },
  web: {
    webgpu: {
      ...WEBGPU,
      needs: "a browser; without WebGPU it uses WebAssembly",
      runtimes: ["web", "cpu"],
      rest: "wasm",
      results: "wasm",
      precisions: { float32: true, float16: true, bfloat16: "neither wasm nor WebGPU has bfloat16" },
      schemes: {
        takes: ["int8", "cpu", "int8-dynamic", ...BLOCKS],
        default: "cpu",
        reason: "wasm and WebGPU benefit only from quantized weights",
      },
    },
  },
  npu: {
    qnn: {
      title: "Qualcomm Hexagon (HTP), ONNX Runtime QNN provider",
      label: "QNN (Hexagon)",
      provider: { name: "qnn", backendType: "htp" },
      needs: "a plug-in (slm device add qnn), or Windows on a Qualcomm NPU",
      runtimes: ["npu"],
      rest: null,
      results: "simulated",
      precisions: {
        float32: true,
        float16: true,
        bfloat16: "the QNN provider runs float32 graphs in bfloat16 with its option htp_bf16_enable",
      },
      schemes: {
        takes: STATIC,
        default: "a16w8",
        reason: "it computes in integers with fixed ranges",
      },
      shapes: "static",
      fusedPositions: null,
    },
    openvino: {
      title: "Intel NPU, ONNX Runtime OpenVINO provider",
      label: "OpenVINO (Intel NPU)",
      provider: { name: "openvino", device_type: "NPU" },
      needs: "a plug-in (slm device add openvino) and an Intel NPU",
      runtimes: ["npu"],
      rest: null,
      results: "simulated",
      precisions: { float32: true, float16: true, bfloat16: "Intel's NPU computes in float16" },
      schemes: {
        takes: STATIC,
        default: "a8w8",
        reason: "it computes in 8-bit integers, and replaces 16-bit activations by float16",
      },
      shapes: "static",
      fusedPositions: null,
    },
    coreml: {
      ...COREML,
      title: "Apple neural engine, ONNX Runtime CoreML provider (MLProgram)",
      // COREML_FLAG_ONLY_ENABLE_DEVICE_WITH_ANE, ONLY_ALLOW_STATIC_INPUT_SHAPES, CREATE_MLPROGRAM.
      provider: { name: "coreml", coreMlFlags: 0x004 | 0x008 | 0x010 },
      runtimes: ["npu"],
      rest: null,
      results: "simulated",
      shapes: "static",
      fusedPositions: null,
    },
    vitisai: {
      title: "AMD Ryzen AI, ONNX Runtime Vitis AI provider",
      label: "Vitis AI",
      provider: { name: "vitisai" },
      needs: "a build of ONNX Runtime with Vitis AI, which npm does not have",
      runtimes: ["npu"],
      rest: null,
      results: "simulated",
      precisions: {
        float32: true,
        float16: "the VitisAI compiler needs float32 graphs",
        bfloat16: "the VitisAI compiler itself converts float32 graphs to bfloat16",
      },
      schemes: {
        takes: ["int8-qdq"],
        default: "int8-qdq",
        reason: "it needs signed 8-bit integers with fixed ranges",
      },
      shapes: "static",
      fusedPositions: null,
    },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, DeviceRow>>>>;

export type Target = keyof typeof DEVICES;

/** Profiles of one target, or of each of several. */
export type ProfileOf<T extends Target> = T extends Target ? keyof (typeof DEVICES)[T] : never;

export type ProfileName = ProfileOf<Target>;

/** The default profile of each target. */
export const DEFAULT_PROFILE = {
  cpu: "cpu",
  gpu: "cuda",
  web: "webgpu",
  npu: "qnn",
} as const satisfies { readonly [T in Target]: ProfileOf<T> };
