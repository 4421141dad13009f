/** Profile `webgpu`: any GPU with WebGPU, in browsers and in Node, through ONNX Runtime's WebGPU provider. */
import { all, contrib, TWO_GIGABYTES, type OperatorSupport, type OperatorRules } from "./profile.js";
import { operatorsOf, words } from "./signatures.js";
import { WEBGPU_SIGNATURES } from "./webgpu-signatures.js";

/** Source types of Cast, and the target types of each. */
const CAST_TARGETS = ["float32", "float16", "bool", "int32", "uint32", "int64", "uint8"] as const;
const CASTS: OperatorSupport["casts"] = {
  float32: CAST_TARGETS,
  float16: CAST_TARGETS,
  bool: CAST_TARGETS,
  int32: CAST_TARGETS,
  uint32: CAST_TARGETS,
  uint8: CAST_TARGETS,
};

/** Last supported opsets of operators that opsets 24 and 25 redefine. */
const UNTIL_24: Readonly<Record<string, OperatorSupport>> = {
  Flatten: { until: 24 },
  Pad: { until: 23 },
  Squeeze: { until: 24 },
  Transpose: { until: 24 },
};

/** Operators that opset 22 redefines. The provider has the earlier versions. */
const UNTIL_21 = `
  Acos Acosh Asin Asinh Atan Atanh ConvTranspose Cos Cosh Elu GlobalAveragePool GlobalMaxPool HardSigmoid
  HardSwish Sin Sinh Tan ThresholdedRelu GRU LSTM`;

const LIMITED: Readonly<Record<string, OperatorSupport>> = {
  ...Object.fromEntries([...words(UNTIL_21)].map((name) => [name, { until: 21 }])),
  ...UNTIL_24,
  BatchNormalization: { attributes: { training_mode: { allowed: [0], missing: 0 } } },
  Cast: { casts: CASTS },
  CastLike: { casts: CASTS },
  DequantizeLinear: { inputTypes: { 0: ["int8", "uint8", "int32", "int4", "uint4"] } },
  Gemm: { noScalars: [2] },
  GridSample: { until: 19 },
  MaxPool: { until: 21, outputCount: 1, attributes: { storage_order: { allowed: [0], missing: 0 } } },
  Pow: { inputTypes: { 1: ["float32", "float16", "int32"] } },
  "com.microsoft:GroupQueryAttention": {
    attributes: {
      causal: {
        allowed: [1],
        missing: 1,
        otherwise: "the provider accepts the node, but then rejects the graph (causal=0 is not implemented)",
      },
      softcap: {
        allowed: [0],
        missing: 0,
        otherwise: "the provider ignores the cap and computes wrong results",
      },
    },
  },
};

export const WEBGPU: OperatorRules = {
  confirmedBy: "ONNX Runtime's WebGPU provider (onnxruntime-node 1.30.0, SwiftShader)",
  sources: [
    {
      document: "the provider itself on SwiftShader, tested with npm run interop:compilers",
      version: "onnxruntime-node 1.30.0",
    },
    {
      document:
        "onnxruntime/core/providers/webgpu/webgpu_execution_provider.cc, contrib_ops/webgpu (registered kernels)",
      version: "onnxruntime main of 2026, before 1.30",
    },
    {
      document: "attributes of GroupQueryAttention: graphs that were run on SwiftShader (npm run e2e:webgpu)",
      version: "onnxruntime-node 1.30.0",
    },
  ],
  operators: {
    ...all("Constant If Shape"),
    ...contrib(`
      Attention BiasAdd BiasSplitGelu CausalConvWithState FusedConv GatherBlockQuantized GroupQueryAttention
      LinearAttention MatMulNBits QMoE RotaryEmbedding`),
    ...operatorsOf(WEBGPU_SIGNATURES, LIMITED),
  },
  dtypes: ["float32", "float16", "bool", "int32", "uint32", "int64", "int8", "uint8", "int4", "uint4"],
  convertedTypes: { int64: "the CPU computes most of it unless enableInt64 is set" },
  controlFlow: "allowed",
  maxRank: { rejected: 8, advised: 6 },
  minOpset: 7,
  maxWeightBytes: TWO_GIGABYTES,
  wantsNames: false,
};
