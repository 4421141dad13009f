/** Profile `coreml`: Apple's neural engine through ONNX Runtime's CoreML provider, model format MLProgram. */
import { all, contrib, TWO_GIGABYTES, type OperatorSupport, type OperatorRules } from "./profile.js";

const FLOATS = ["float32", "float16"] as const;

const LIMITED: Readonly<Record<string, OperatorSupport>> = {
  AveragePool: { maxRank: 4 },
  Clip: { constantInputs: [1, 2] },
  Conv: { maxRank: 4, constantInputs: [2] },
  ConvTranspose: {
    maxRank: 4,
    constantInputs: [1, 2],
    attributes: { auto_pad: { allowed: ["NOTSET", "VALID"], missing: "NOTSET" } },
  },
  GatherND: { attributes: { batch_dims: { allowed: [0], missing: 0 } } },
  Gemm: { constantInputs: [1, 2] },
  GlobalAveragePool: { maxRank: 4 },
  GlobalMaxPool: { maxRank: 4 },
  GridSample: { maxRank: 4 },
  MaxPool: { maxRank: 4 },
  Pad: { constantInputs: [1, 2, 3] },
  Pow: { inputTypes: { 0: ["float32"], 1: ["float32"] } },
  ReduceMax: { constantInputs: [1] },
  ReduceMean: { constantInputs: [1] },
  ReduceMin: { constantInputs: [1] },
  ReduceProd: { constantInputs: [1] },
  ReduceSum: { constantInputs: [1] },
  Reshape: { constantInputs: [1] },
  Resize: { constantInputs: [1, 2, 3] },
  Slice: { constantInputs: [1, 2, 3, 4] },
  Softmax: { inputTypes: { 0: FLOATS } },
  Split: { constantInputs: [1] },
  Squeeze: { constantInputs: [1] },
  Unsqueeze: { constantInputs: [1] },
};

export const COREML: OperatorRules = {
  confirmedBy: null,
  sources: [
    {
      document: "tools/ci_build/github/apple/coreml_supported_mlprogram_ops.md",
      version: "onnxruntime 1.30",
    },
    {
      document: "onnxruntime/core/providers/coreml/builders/op_builder_factory.cc",
      version: "onnxruntime 1.30",
    },
  ],
  operators: {
    ...all(`
      Add And ArgMax Cast Ceil Concat Cos DepthToSpace Div Elu Erf Exp Flatten Gather Gelu GroupNormalization HardSigmoid
      Identity InstanceNormalization LayerNormalization LeakyRelu MatMul Max Mul PRelu Range Reciprocal Relu Round Shape
      Sigmoid Sin Softplus Sqrt Sub Tanh Tile Transpose Where`),
    ...LIMITED,
    ...contrib("FusedConv QuickGelu"),
  },
  operatorsAreComplete: true,
  dtypes: ["float32", "float16", "bool", "int32", "int64"],
  convertedTypes: { int64: "CoreML has only int32, so values beyond 2^31 are lost" },
  controlFlow: "forbidden",
  maxWeightBytes: TWO_GIGABYTES,
  wantsNames: false,
};
