/** Profile `vitisai`: AMD's Ryzen AI NPU. AMD publishes no operator list, so operators that are not listed here are unknown, not rejected. */
import { all, TWO_GIGABYTES, type OperatorRules, type QuantizationRules } from "./profile.js";
import { QNN } from "./qnn.js";

const QUANTIZATION: QuantizationRules = {
  ...QNN.quantization!,
  activations: ["uint8", "int8"],
  weights: ["int8"],
  castCodes: true,
  fixedOutputs: {},
  powerOfTwo: true,
  float: "the compiler converts float32 to bfloat16",
};

export const VITISAI: OperatorRules = {
  confirmedBy: null,
  sources: [
    {
      document: "ryzenai.docs.amd.com, model compilation and deployment (opset 17, BF16 or INT8)",
      version: "1.4",
    },
    {
      document:
        "there is no public operator list; these are the operators of float32 and QDQ exports at opset 17",
      version: "deduced",
    },
  ],
  operators: {
    ...all(`
      Add AveragePool BatchNormalization Cast Concat Constant Conv ConvTranspose DepthToSpace DequantizeLinear Div Erf
      Flatten Gather Gemm GlobalAveragePool HardSigmoid LayerNormalization LeakyRelu MatMul MaxPool Mul Pow PRelu
      QuantizeLinear ReduceMean Relu Sigmoid Softmax SpaceToDepth Split Sqrt Sub Tanh Transpose Where`),
    Clip: { constantInputs: [1, 2] },
    Pad: { constantInputs: [1, 2, 3] },
    Reshape: { constantInputs: [1] },
    Resize: { constantInputs: [1, 2, 3] },
    Slice: { constantInputs: [1, 2, 3, 4] },
    Squeeze: { constantInputs: [1] },
    Unsqueeze: { constantInputs: [1] },
  },
  operatorsAreComplete: false,
  dtypes: ["float32", "float16", "bfloat16", "bool", "int64", "int32", "int8", "uint8"],
  convertedTypes: {},
  controlFlow: "forbidden",
  advisedOpset: 17,
  quantization: QUANTIZATION,
  maxWeightBytes: TWO_GIGABYTES,
  wantsNames: false,
};
